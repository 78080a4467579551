//go:build cgo && linux

package heap

// How the C library shares out memory must be said before it has given any to
// a second thread: the arenas that are there by then stay. So this runs when the
// program is loaded, before Go begins. Another C library than GNU's decides for
// itself; MALLOC_ARENA_MAX in the environment goes first.
//
// An arena for eight processors: the library would make eight for each, and the
// blocks of one cache, taken and given back by all threads, leave holes in all
// of them. Memory of 1 MiB and more, as the engine's tables have, goes back to
// the system when it is free: the library would raise that bound to their size
// after the first one. 16 MiB free at an arena's end stay.

// #include <stdlib.h>
// #include <unistd.h>
// #ifdef __GLIBC__
// #include <malloc.h>
// __attribute__((constructor)) static void tune_malloc(void) {
//   if (getenv("MALLOC_ARENA_MAX") != NULL)
//     return;
//   long processors = sysconf(_SC_NPROCESSORS_ONLN);
//   mallopt(M_ARENA_MAX, processors < 16 ? 1 : processors / 8);
//   mallopt(M_MMAP_THRESHOLD, 1 << 20);
//   mallopt(M_TRIM_THRESHOLD, 16 << 20);
// }
// #endif
import "C"
