/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypercall console_io: domain 0 writes to the console and reads what is typed. Owns the buffer of
 * input, which console_io_input() fills from interrupts and domain 0 empties after VIRQ_CONSOLE.
 *
 * Other domains may write only with the option guest_console, for debugging; their text becomes
 * lines of the log, subject to its rate limit.
 */
#include "abi/xen.h"
#include "core/cmdline.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/event_channel.h"
#include "core/guest_access.h"
#include "core/hypercall.h"
#include "core/lock.h"
#include "core/softirq.h"
#include "errno.h"
#include "lib/print.h"

#define INPUT_BYTES 1024u /* a power of two */
/* Bytes that go out between two looks at what else the CPU has to do. */
#define CHUNK_BYTES 128u
#define READ_MAX    0x7fffffffu /* the result is a signed int in the ABI */

long hypercall_console_io(struct vcpu *v, u64 cmd, u64 count, u64 buffer, u64 a4, u64 a5, u64 a6);
/* One function for each row. */
#define SUBOP(command, function, type, direction, privilege)                                       \
    long function(struct vcpu *v, void *arg);
#include "core/ops/console.def"
#undef SUBOP

static bool guest_console;
OPTION_DEFINE_BOOL("guest_console", guest_console);

static struct spinlock input_lock = SPINLOCK_INIT(LOCK_LEAF);
static char input[INPUT_BYTES];
static u32 input_read, input_written; /* counts of bytes; they wrap */

/* The hypercall's three arguments, which the table of sub-operations passes on by address. */
struct console_io_request {
    u32 count;
    vaddr_t buffer;
};

static const struct console_io_request *request_of(void *arg)
{
    return (const struct console_io_request *)*(vaddr_t *)arg;
}

long hypercall_console_io(struct vcpu *v, u64 cmd, u64 count, u64 buffer, u64 a4, u64 a5, u64 a6)
{
    const struct console_io_request request = {.count = (u32)count, .buffer = buffer};
    if (!v->domain->is_hardware && !guest_console)
        return -EPERM; /* whatever it asks */
    return subop_dispatch(v, &console_ops, (u32)cmd, (vaddr_t)&request);
}

void console_io_input(char c)
{
    spin_lock(&input_lock);
    bool kept = input_written - input_read < INPUT_BYTES;
    if (kept)
        input[input_written++ % INPUT_BYTES] = c;
    spin_unlock(&input_lock);
    if (kept && hardware_domain)
        event_raise_global_virq(hardware_domain, VIRQ_CONSOLE);
}

/* Up to size bytes of input. */
static u32 input_take(char *to, u32 size)
{
    u32 n = 0;
    spin_lock(&input_lock);
    while (n < size && input_read != input_written)
        to[n++] = input[input_read++ % INPUT_BYTES];
    spin_unlock(&input_lock);
    return n;
}

/* Each line of a domain that is not domain 0 becomes one of the log. */
static void guest_lines_log(const struct vcpu *v, const char *text, u32 bytes)
{
    u32 start = 0;
    for (u32 i = 0; i <= bytes; i++) {
        if (i < bytes && text[i] != '\n')
            continue;
        u32 end = i;
        if (end > start && text[end - 1] == '\r')
            end--;
        if (end > start)
            log_guest(LOG_WARNING, "d%u: %.*s", v->domain->id, (int)(end - start), text + start);
        start = i + 1;
    }
}

long console_io_write(struct vcpu *v, void *arg)
{
    struct console_io_request r = *request_of(arg);
    char chunk[CHUNK_BYTES];
    while (r.count) {
        u32 bytes = MIN(r.count, CHUNK_BYTES);
        if (guest_copy_in(chunk, r.buffer, bytes))
            return -EFAULT;
        if (v->domain->is_hardware)
            console_write(chunk, bytes);
        else
            guest_lines_log(v, chunk, bytes);
        r.count -= bytes;
        r.buffer += bytes;
        if (r.count && preempt_pending())
            return hypercall_continue(v, 3, (u64)CONSOLEIO_write, (u64)r.count, (u64)r.buffer);
    }
    return 0;
}

/* The number of bytes read, which is 0 if nothing was typed. */
long console_io_read(struct vcpu *v, void *arg)
{
    const struct console_io_request *r = request_of(arg);
    char chunk[CHUNK_BYTES];
    if (r->count > READ_MAX)
        return -E2BIG;
    u32 limit = MIN(r->count, INPUT_BYTES);
    u32 done = 0;
    while (done < limit) {
        u32 bytes = input_take(chunk, MIN(limit - done, CHUNK_BYTES));
        if (!bytes)
            break;
        if (guest_copy_out(r->buffer + done, chunk, bytes))
            return -EFAULT;
        done += bytes;
    }
    return done;
}
