/* Makes chosen system calls on chosen files fail, while the file named by FAULT_PLAN says so.
 *
 * A line of the plan: CALL ERRNO PREFIX. Every CALL on an open file whose path begins with PREFIX then fails with ERRNO.
 * Preloaded into the daemon by the tests of faults; what the daemon does about an error is the daemon's own code. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The errno with which this call is to fail, or 0. */
static int fault(const char *call, int fd) {
    const char *name = getenv("FAULT_PLAN");
    if (!name) return 0;
    int before = errno, found = 0;
    char plan[4096], link[64], path[4096];
    int file = syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t length = syscall(SYS_read, file, plan, sizeof plan - 1);
        syscall(SYS_close, file);
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t end = length > 0 ? readlink(link, path, sizeof path - 1) : -1;
        if (end > 0) {
            plan[length] = path[end] = 0;
            for (char *rest = plan, *line; !found && (line = strsep(&rest, "\n"));) {
                char which[32], prefix[4096];
                int number;
                if (sscanf(line, "%31s %d %4095[^\n]", which, &number, prefix) == 3 && !strcmp(which, call) &&
                    !strncmp(path, prefix, strlen(prefix)))
                    found = number;
            }
        }
    }
    errno = before;
    return found;
}

#define WRAP(result, name, parameters, fd, arguments)                             \
    result name parameters {                                                      \
        int number = fault(#name, fd);                                            \
        if (number) {                                                             \
            errno = number;                                                       \
            return -1;                                                            \
        }                                                                         \
        return ((result(*) parameters)dlsym(RTLD_NEXT, #name))arguments;          \
    }

WRAP(ssize_t, read, (int fd, void *to, size_t length), fd, (fd, to, length))
WRAP(ssize_t, pread64, (int fd, void *to, size_t length, off64_t at), fd, (fd, to, length, at))
WRAP(ssize_t, write, (int fd, const void *from, size_t length), fd, (fd, from, length))
WRAP(ssize_t, pwrite64, (int fd, const void *from, size_t length, off64_t at), fd, (fd, from, length, at))
WRAP(int, fsync, (int fd), fd, (fd))
WRAP(int, fdatasync, (int fd), fd, (fd))
