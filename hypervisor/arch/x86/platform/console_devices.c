/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which devices are the console: console=com1,com2,vga or none (arch/console.h; called by
 * core/console.c).
 */
#include "arch/console.h"
#include "core/cmdline.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/console_devices.h"

#define DEVICE_COM1 BIT(0)
#define DEVICE_COM2 BIT(1)
#define DEVICE_VGA  BIT(2)

static u64 chosen = DEVICE_COM1 | DEVICE_VGA;

static int option_console(const char *value)
{
    static const struct {
        const char *name;
        u64 device;
    } names[] = {{"com1", DEVICE_COM1}, {"com2", DEVICE_COM2}, {"vga", DEVICE_VGA}, {"none", 0}};
    u64 devices = 0;
    bool known = false, unknown = false;
    for (;;) {
        const char *comma = strchr(value, ',');
        size_t length = comma ? (size_t)(comma - value) : strlen(value);
        u32 i = 0;
        while (i < ARRAY_SIZE(names) &&
               (strlen(names[i].name) != length || strncmp(names[i].name, value, length)))
            i++;
        if (i < ARRAY_SIZE(names)) {
            devices |= names[i].device;
            known = true;
        } else {
            unknown = true;
        }
        if (!comma)
            break;
        value = comma + 1;
    }
    if (known)
        chosen = devices;
    return unknown ? -EINVAL : 0;
}
OPTION_DEFINE_CUSTOM("console", option_console);

/* Output is always synchronous; the option is accepted because people who run Xen give it. */
static bool sync_console = true;
OPTION_DEFINE_BOOL("sync_console", sync_console);

void arch_console_init(void)
{
    for (u32 i = 0; i < NR_SERIALS; i++)
        if ((chosen & DEVICE_COM1 << i) && !serial_init(i))
            log_warning("console: com%u is not there", i + 1);
    if ((chosen & DEVICE_VGA) && !vga_init())
        log_debug("console: no screen in text mode");
}

void arch_console_init_input(void)
{
    serial_init_input();
}

void arch_console_give_to_domain0(void)
{
    vga_give_to_domain0();
}
