/* libcurl's failures in our words, for downloads and for calls. */
#ifndef MLI_REMOTE_HTTP_WORDS_H
#define MLI_REMOTE_HTTP_WORDS_H

#include <curl/curl.h>
#include <modellab/status.h>

/* E_NETWORK with its reason, or E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_http_network_error(CURLcode code, modellab_error *err);

#endif
