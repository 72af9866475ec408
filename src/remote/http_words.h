/* What downloads and calls share of libcurl: its failures in our words, and its sockets. */
#ifndef MLI_REMOTE_HTTP_WORDS_H
#define MLI_REMOTE_HTTP_WORDS_H

#include <curl/curl.h>
#include <modellab/status.h>

/* E_NETWORK with its reason, or E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_http_network_error(CURLcode code, modellab_error *err);
/* For CURLOPT_OPENSOCKETFUNCTION: a socket of libcurl's own making would be inherited by a program
 * that another thread of the host starts meanwhile. */
curl_socket_t mli_http_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address);

#endif
