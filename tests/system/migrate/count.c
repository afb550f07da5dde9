/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A service that is used while its machine moves, and the client that counts:
 *
 *   count serve PORT           answers each request with what it asked, and says "STOPPED <ms> OWN
 *                              <ms>" whenever it stood still for longer than PAUSE_MS: by the
 *                              clock on the wall, and by its own, which rests while it is moved
 *   count ask ADDRESS PORT     one request after the other, until SIGTERM; then it says
 *                              "ASKED <requests> ANSWERED <right answers> LONGEST <ms>"
 *
 * Requests are numbers on one TCP connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS   10.0
#define BETWEEN_US 2000

static volatile sig_atomic_t is_over;

static void end(int signal)
{
    (void)signal;
    is_over = 1;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int whole(ssize_t (*transfer)(int, void *, size_t, int), int peer, uint64_t *number)
{
    size_t done = 0;
    while (done < sizeof *number) {
        ssize_t n = transfer(peer, (char *)number + done, sizeof *number - done, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        done += (size_t)n;
    }
    return 1;
}

static ssize_t send_some(int peer, void *data, size_t size, int flags)
{
    return send(peer, data, size, flags);
}

static void quick(int peer)
{
    int on = 1;
    if (setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
        fail("TCP_NODELAY");
}

static void serve(struct sockaddr_in here)
{
    int door = socket(AF_INET, SOCK_STREAM, 0), peer = -1;
    here.sin_addr.s_addr = INADDR_ANY;
    if (door < 0 || bind(door, (struct sockaddr *)&here, sizeof here) || listen(door, 1))
        fail("listen");
    double last = now_ms(CLOCK_REALTIME), last_own = now_ms(CLOCK_MONOTONIC);
    for (;;) {
        struct pollfd awaited = {.fd = peer < 0 ? door : peer, .events = POLLIN};
        int ready = poll(&awaited, 1, 1);
        double now = now_ms(CLOCK_REALTIME), own = now_ms(CLOCK_MONOTONIC);
        if (now - last > PAUSE_MS || own - last_own > PAUSE_MS) {
            printf("STOPPED %.1f OWN %.1f\n", now - last, own - last_own);
            fflush(stdout);
        }
        last = now;
        last_own = own;
        if (ready <= 0)
            continue;
        if (peer < 0) {
            peer = accept(door, NULL, NULL);
            quick(peer);
        } else {
            uint64_t number;
            if (!whole(recv, peer, &number) || !whole(send_some, peer, &number)) {
                close(peer);
                peer = -1;
            }
        }
    }
}

static void ask(struct sockaddr_in there)
{
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    if (peer < 0 || connect(peer, (struct sockaddr *)&there, sizeof there))
        fail("connect");
    quick(peer);
    uint64_t asked = 0, answered = 0;
    double longest = 0;
    while (!is_over) {
        uint64_t number = asked++, answer = ~number;
        double began = now_ms(CLOCK_MONOTONIC);
        if (!whole(send_some, peer, &number) || !whole(recv, peer, &answer))
            break;
        answered += answer == number;
        if (now_ms(CLOCK_MONOTONIC) - began > longest)
            longest = now_ms(CLOCK_MONOTONIC) - began;
        usleep(BETWEEN_US);
    }
    printf("ASKED %llu ANSWERED %llu LONGEST %.1f\n", (unsigned long long)asked,
           (unsigned long long)answered, longest);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = end};
    struct sockaddr_in address = {.sin_family = AF_INET};
    sigaction(SIGTERM, &action, NULL);
    if (argc == 3 && !strcmp(argv[1], "serve")) {
        address.sin_port = htons((uint16_t)atoi(argv[2]));
        serve(address);
    } else if (argc == 4 && !strcmp(argv[1], "ask") &&
               inet_pton(AF_INET, argv[2], &address.sin_addr) == 1) {
        address.sin_port = htons((uint16_t)atoi(argv[3]));
        ask(address);
        return 0;
    }
    fputs("count serve PORT | count ask ADDRESS PORT\n", stderr);
    return 2;
}
