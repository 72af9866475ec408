# Installation comes with the libraries.
