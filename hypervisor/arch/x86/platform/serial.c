/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serial lines: 16550 UARTs at I/O ports, com1 and com2, as consoles. Called by
 * platform/console_devices.c and, to write, by core/console.c under its lock; input comes from the
 * interrupt or a timer.
 *
 *   com1=BAUD[/CLOCK][,DPS[,PORT[,IRQ]]]
 *
 * BAUD is a number or "auto" (as the firmware left it), CLOCK is in Hz; DPS are data bits 5-8,
 * parity n o e m s, stop bits 1 2.
 *
 * Source: National Semiconductor PC16550D data sheet, section 8.
 */
#include "core/cmdline.h"
#include "core/console.h"
#include "core/percpu.h"
#include "core/time.h"
#include "core/timer.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/acpi.h"
#include "x86/console_devices.h"
#include "x86/cpu.h"
#include "x86/irq.h"

/* Registers, from the base port. */
#define UART_DATA         0
#define UART_IER          1
#define UART_IIR          2 /* read */
#define UART_FCR          2 /* write */
#define UART_LCR          3
#define UART_MCR          4
#define UART_LSR          5
#define UART_SCRATCH      7
#define UART_DIVISOR_LOW  0 /* with LCR_DLAB */
#define UART_DIVISOR_HIGH 1
#define UART_PORTS        8

#define IER_RECEIVED     BIT(0)
#define FCR_ENABLE_RESET 0x07 /* both FIFOs on and emptied, interrupt at the first byte */
#define LCR_DLAB         BIT(7)
#define MCR_DTR          BIT(0)
#define MCR_RTS          BIT(1)
#define MCR_OUT2         BIT(3) /* on PCs the gate of the interrupt line */
#define LSR_RECEIVED     BIT(0)
#define LSR_THR_EMPTY    BIT(5)

#define FIFO_BYTES     16u
#define DEFAULT_CLOCK  1843200u /* Hz */
#define CLOCKS_PER_BIT 16u
#define BAUD_AUTO      0u
#define DEFAULT_BAUD   115200u
#define LCR_8N1        3u
#define NO_IRQ         ~0u

/*
 * Looks at a full transmitter before the line counts as stuck: some seconds, a look being about 1
 * us.
 */
#define WAIT_LOOKS 0x400000u
/* Bytes taken at a time, so that a line that never falls silent cannot hold the CPU. */
#define INPUT_BURST      64u
#define INPUT_BURSTS_MAX 64u
#define POLL_SLOW        MILLISECONDS(20)
#define POLL_FAST        MILLISECONDS(1)

struct serial {
    u16 base;
    u32 baud, clock, irq;
    u8 lcr; /* data bits, parity, stop bits */
    bool used;
    bool stuck;       /* the transmitter did not empty in time; do not wait for it again */
    bool last_was_cr; /* sent */
    u32 gsi;          /* its interrupt, once it is ours */
    const struct console_device *device;
    struct timer poll_timer;
};

static struct serial serials[NR_SERIALS];

/* --- options */

static int number_take(const char **text, u32 *value)
{
    u64 n = 0;
    u32 base = 10;
    const char *t = *text;
    if (t[0] == '0' && (t[1] | 0x20) == 'x') {
        base = 16;
        t += 2;
    }
    const char *start = t;
    for (;; t++) {
        u32 digit;
        if (*t >= '0' && *t <= '9')
            digit = (u32)(*t - '0');
        else if (base == 16 && (*t | 0x20) >= 'a' && (*t | 0x20) <= 'f')
            digit = (u32)((*t | 0x20) - 'a') + 10;
        else
            break;
        n = n * base + digit;
        if (n > ~0u)
            return -EINVAL;
    }
    if (t == start)
        return -EINVAL;
    *value = (u32)n;
    *text = t;
    return 0;
}

/* "8n1" */
static int frame_format_take(const char **text, u8 *lcr)
{
    static const char parities[] = "noems";
    static const u8 parity_bits[] = {0x00, 0x08, 0x18, 0x28, 0x38};
    const char *t = *text;
    if (t[0] < '5' || t[0] > '8')
        return -EINVAL;
    const char *parity = t[1] ? strchr(parities, t[1]) : NULL;
    if (!parity || (t[2] != '1' && t[2] != '2'))
        return -EINVAL;
    *lcr = (u8)((t[0] - '5') | parity_bits[parity - parities] | (t[2] == '2' ? 4 : 0));
    *text = t + 3;
    return 0;
}

static int config_parse(struct serial *s, const char *t)
{
    u32 port = s->base;
    struct serial c = *s;
    if (!strncmp(t, "auto", 4)) {
        c.baud = BAUD_AUTO;
        t += 4;
    } else if (*t && *t != ',' && (number_take(&t, &c.baud) < 0 || !c.baud)) {
        return -EINVAL;
    }
    if (*t == '/') {
        t++;
        if (number_take(&t, &c.clock) < 0 || !c.clock)
            return -EINVAL;
    }
    if (*t == ',' && *++t != ',' && frame_format_take(&t, &c.lcr) < 0)
        return -EINVAL;
    if (c.baud != BAUD_AUTO && c.clock / CLOCKS_PER_BIT / c.baud == 0)
        return -EINVAL;
    *s = c; /* whatever is said of its place: that may be a word for devices that are not there yet
             */
    if (*t == ',' && *++t != ',' && number_take(&t, &port) < 0)
        return -EINVAL;
    if (*t == ',' && (t++, number_take(&t, &c.irq) < 0))
        return -EINVAL;
    if (*t || !port || port > 0x10000 - UART_PORTS)
        return -EINVAL;
    c.base = (u16)port;
    *s = c;
    return 0;
}

static int option_com1(const char *value)
{
    return config_parse(&serials[0], value);
}
OPTION_DEFINE_CUSTOM("com1", option_com1);

static int option_com2(const char *value)
{
    return config_parse(&serials[1], value);
}
OPTION_DEFINE_CUSTOM("com2", option_com2);

/* --- output */

static u8 uart_read(const struct serial *s, u32 reg)
{
    return port_in8((u16)(s->base + reg));
}

static void uart_write(const struct serial *s, u32 reg, u8 value)
{
    port_out8((u16)(s->base + reg), value);
}

/* At most FIFO_BYTES: the transmitter takes them at once when it is empty. */
static void burst_send(struct serial *s, const char *bytes, size_t count)
{
    u32 looks = s->stuck ? 1 : WAIT_LOOKS;
    while (!(uart_read(s, UART_LSR) & LSR_THR_EMPTY)) {
        if (--looks == 0) {
            s->stuck = true;
            return;
        }
        cpu_pause();
    }
    s->stuck = false;
    __asm__ volatile("rep outsb"
                     : "+S"(bytes), "+c"(count)
                     : "d"((u16)(s->base + UART_DATA))
                     : "memory");
}

/* Terminals want a carriage return before each newline. */
static void serial_write(struct serial *s, const char *text, size_t bytes)
{
    char burst[FIFO_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        bool add_cr = text[i] == '\n' && !s->last_was_cr;
        if (n + add_cr >= FIFO_BYTES) {
            burst_send(s, burst, n);
            n = 0;
        }
        if (add_cr)
            burst[n++] = '\r';
        burst[n++] = text[i];
        s->last_was_cr = text[i] == '\r';
    }
    if (n)
        burst_send(s, burst, n);
}

static void com1_write(const char *text, size_t bytes)
{
    serial_write(&serials[0], text, bytes);
}

static void com2_write(const char *text, size_t bytes)
{
    serial_write(&serials[1], text, bytes);
}

static const struct console_device com1_device = {.name = "com1", .write = com1_write};
static const struct console_device com2_device = {.name = "com2", .write = com2_write};

static struct serial serials[NR_SERIALS] = {
    {.base = 0x3f8,
     .irq = 4,
     .gsi = NO_IRQ,
     .baud = DEFAULT_BAUD,
     .clock = DEFAULT_CLOCK,
     .lcr = LCR_8N1,
     .device = &com1_device},
    {.base = 0x2f8,
     .irq = 3,
     .gsi = NO_IRQ,
     .baud = DEFAULT_BAUD,
     .clock = DEFAULT_CLOCK,
     .lcr = LCR_8N1,
     .device = &com2_device},
};

/* A 16550 keeps what is written to its scratch register; an empty port reads as ones. */
static bool uart_probe(const struct serial *s)
{
    static const u8 patterns[] = {0x5a, 0xa5};
    for (u32 i = 0; i < ARRAY_SIZE(patterns); i++) {
        uart_write(s, UART_SCRATCH, patterns[i]);
        if (uart_read(s, UART_SCRATCH) != patterns[i])
            return false;
    }
    return uart_read(s, UART_LSR) != 0xff;
}

bool serial_init(u32 index)
{
    struct serial *s = &serials[index];
    if (!uart_probe(s))
        return false;
    uart_write(s, UART_IER, 0);
    if (s->baud != BAUD_AUTO) {
        u32 divisor = s->clock / CLOCKS_PER_BIT / s->baud;
        uart_write(s, UART_LCR, LCR_DLAB);
        uart_write(s, UART_DIVISOR_LOW, (u8)divisor);
        uart_write(s, UART_DIVISOR_HIGH, (u8)(divisor >> 8));
    }
    uart_write(s, UART_LCR, s->lcr);
    uart_write(s, UART_MCR, MCR_DTR | MCR_RTS);
    uart_write(s, UART_FCR, FCR_ENABLE_RESET);
    s->used = true;
    console_register(s->device);
    return true;
}

/* --- input */

/* True if there was any. */
static bool serial_take_input(struct serial *s)
{
    u32 n = 0;
    while (n < INPUT_BURST && (uart_read(s, UART_LSR) & LSR_RECEIVED)) {
        console_input((char)uart_read(s, UART_DATA));
        n++;
    }
    return n > 0;
}

static void serial_interrupt(void *data)
{
    struct serial *s = data;
    (void)uart_read(s, UART_IIR); /* acknowledges what else the UART may have wanted */
    /* The line is an edge: it interrupts again only if the FIFO is empty when we leave, which it is
     * soon, being filled more slowly than it is emptied. The bound is for a port that is broken, or
     * fed by a program. */
    for (u32 i = 0; i < INPUT_BURSTS_MAX; i++)
        if (!serial_take_input(s))
            return;
    timer_set(&s->poll_timer, time_now() + POLL_FAST);
}

static void serial_poll(void *data)
{
    struct serial *s = data;
    bool busy = serial_take_input(s);
    if (busy || s->gsi == NO_IRQ) /* else the line tells again */
        timer_set(&s->poll_timer, time_now() + (busy ? POLL_FAST : POLL_SLOW));
}

/* ISA interrupts may be wired to another line than that of their number (ACPI 6.4, 5.2.12.5). */
static u32 isa_gsi(u32 irq)
{
    for (u32 i = 0; i < acpi_info.nr_overrides; i++)
        if (acpi_info.overrides[i].bus_irq == irq)
            return acpi_info.overrides[i].gsi;
    return irq;
}

void serial_init_input(void)
{
    for (u32 i = 0; i < NR_SERIALS; i++) {
        struct serial *s = &serials[i];
        if (!s->used)
            continue;
        u32 gsi = isa_gsi(s->irq);
        timer_init(&s->poll_timer, serial_poll, s, cpu_id());
        if (s->irq && irq_request(gsi, serial_interrupt, s, s->device->name) == 0) {
            s->gsi = gsi;
            uart_write(s, UART_MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
            uart_write(s, UART_IER, IER_RECEIVED);
            serial_interrupt(s);
        } else {
            timer_set(&s->poll_timer, time_now() + POLL_SLOW);
        }
    }
}

bool serial_resources(u32 index, u16 *first_port, u16 *last_port, u32 *gsi)
{
    const struct serial *s = &serials[index];
    if (!s->used)
        return false;
    *first_port = s->base;
    *last_port = (u16)(s->base + UART_PORTS - 1);
    *gsi = s->gsi;
    return true;
}
