/* The web client: files of one folder, known by name from the start, so that no path of a request
 * ever reaches the file system. */
#ifndef SERVER_WEB_H
#define SERVER_WEB_H

#include "call.h"

/* Reads the folder's names. Without it the server works, and "/" says so. False: out of memory. */
MODELLAB_MUST_CHECK bool web_start(const char *folder);
void web_stop(void);
bool web_is_there(void);
/* GET of a path that no operation has. False: none of ours, nothing was replied. */
MODELLAB_MUST_CHECK bool web_answer(call *c);

#endif
