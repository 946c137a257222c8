/* Reading the same rows of many open files. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

#include "pn.h"

PN_EXPORT int pn_version(void) { return 1; }

/* Read `nbytes` at `offset[i]` of every file `fd[i]` into `dst + i * stride`.
 * Returns -1 where all went well, else the number of the first file that fell short. */
PN_EXPORT int64_t pn_read_bands(int64_t n, const int32_t *fd, const int64_t *offset,
                                int64_t nbytes, char *dst, int64_t stride) {
    for (int64_t i = 0; i < n; i++) {
        int64_t done = 0;
        while (done < nbytes) {
            const ssize_t got = pread(fd[i], dst + i * stride + done, (size_t)(nbytes - done),
                                      (off_t)(offset[i] + done));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return i;
            done += got;
        }
    }
    return -1;
}
