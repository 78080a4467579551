//go:build cgo && linux

package heap

// How the C library shares out memory must be said before it has given any to
// a second thread: the arenas that are there by then stay. So this runs when the
// program is loaded, before Go begins. Another C library than GNU's decides for
// itself. What the environment says of a bound, in its variable or among the
// tunables, goes first.
//
// An arena for eight processors: the library would make eight for each, and the
// blocks of one cache, taken and given back by all threads, leave holes in all
// of them. Those that this process may use count, as for Go: a container has few
// of a large machine's. Memory of 1 MiB and more, as the engine's tables have,
// goes back to the system when it is free: the library would raise that bound to
// their size after the first one. 16 MiB free at an arena's end stay.

// #cgo CFLAGS: -D_GNU_SOURCE
// #include <malloc.h>
// #include <sched.h>
// #include <stdlib.h>
// #include <string.h>
// #include <unistd.h>
// #ifdef M_ARENA_MAX
// static long usable_processors(void) {
//   cpu_set_t set;
//   if (sched_getaffinity(0, sizeof set, &set) == 0)
//     return CPU_COUNT(&set);
//   return sysconf(_SC_NPROCESSORS_ONLN); // there are more than the set can hold
// }
// static void bound(int what, int value, const char *variable, const char *tunable) {
//   const char *said = getenv(variable), *tunables = getenv("GLIBC_TUNABLES");
//   if ((said != NULL && *said != 0) || (tunables != NULL && strstr(tunables, tunable) != NULL))
//     return;
//   mallopt(what, value);
// }
// __attribute__((constructor)) static void tune_malloc(void) {
//   long processors = usable_processors();
//   bound(M_ARENA_MAX, processors < 16 ? 1 : processors / 8, "MALLOC_ARENA_MAX", "glibc.malloc.arena_max=");
//   bound(M_MMAP_THRESHOLD, 1 << 20, "MALLOC_MMAP_THRESHOLD_", "glibc.malloc.mmap_threshold=");
//   bound(M_TRIM_THRESHOLD, 16 << 20, "MALLOC_TRIM_THRESHOLD_", "glibc.malloc.trim_threshold=");
// }
// #endif
import "C"
