/* SPDX-License-Identifier: MIT */
/*
 * Giving up the CPU, and ending a domain: hypercall sched_op(cmd, struct *).
 */
#ifndef DOMUS_ABI_SCHED_H
#define DOMUS_ABI_SCHED_H

#include "event_channel.h"

#define SCHEDOP_yield           0 /* no argument */
#define SCHEDOP_block           1 /* no argument; unmasks events, then waits for one */
#define SCHEDOP_shutdown        2
#define SCHEDOP_poll            3
#define SCHEDOP_remote_shutdown 4
#define SCHEDOP_shutdown_code   5 /* sched_shutdown; latches the reason only */
#define SCHEDOP_watchdog        6
#define SCHEDOP_pin_override    7

/* Reasons of a shutdown. */
#define SHUTDOWN_poweroff   0
#define SHUTDOWN_reboot     1
#define SHUTDOWN_suspend    2
#define SHUTDOWN_crash      3
#define SHUTDOWN_watchdog   4
#define SHUTDOWN_soft_reset 5
#define SHUTDOWN_MAX        5

struct sched_shutdown {
    uint32_t reason; /* SHUTDOWN_* */
};
DEFINE_GUEST_HANDLE(sched_shutdown, struct sched_shutdown);

/* Waits until one of the ports is pending, or until the time; ports may be masked. */
struct sched_poll {
    guest_handle_evtchn_port ports;
    uint32_t nr_ports;
    uint64_t timeout; /* system time, ns; 0: none */
};
DEFINE_GUEST_HANDLE(sched_poll, struct sched_poll);

struct sched_remote_shutdown {
    domid_t domain_id;
    uint32_t reason; /* SHUTDOWN_* */
};
DEFINE_GUEST_HANDLE(sched_remote_shutdown, struct sched_remote_shutdown);

struct sched_watchdog {
    uint32_t id;      /* 0: a new one; result is its id */
    uint32_t timeout; /* s; 0: off */
};
DEFINE_GUEST_HANDLE(sched_watchdog, struct sched_watchdog);

struct sched_pin_override {
    int32_t pcpu; /* negative: no longer */
};
DEFINE_GUEST_HANDLE(sched_pin_override, struct sched_pin_override);

#endif
