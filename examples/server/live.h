/* Live transcription keeps models open until the server stops. */
#ifndef SERVER_LIVE_H
#define SERVER_LIVE_H

void live_stop(void);

#endif
