// A clock that is some seconds ahead, for a process that it is preloaded into.
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

int gettimeofday(struct timeval *time, void *zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec + atol(getenv("SECONDS_AHEAD"));
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}
