/* Tells the service manager how things stand: systemd's notify protocol, one datagram to $NOTIFY_SOCKET. Nothing
 * happens where there is none. */
#ifndef MC_APP_NOTIFY_H
#define MC_APP_NOTIFY_H

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "RELOADING=1". */
void mc_notify(const char *state);

#endif
