/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen, in text mode 3: 80 columns, 25 rows, one word for each character at 0xb8000. Used
 * until domain 0 takes it over; core/console.c calls it under its lock. What the loader set up
 * otherwise (pixels) is only described to domain 0.
 *
 * Source: IBM VGA technical reference, "Text modes", "CRT controller".
 */
#include "core/cmdline.h"
#include "core/console.h"
#include "errno.h"
#include "lib/string.h"
#include "x86/boot.h"
#include "x86/console_devices.h"
#include "x86/cpu.h"
#include "x86/page.h"

#define VGA_TEXT_ADDRESS 0xb8000ull
#define VGA_COLUMNS      80u
#define VGA_ROWS         25u
#define VGA_FONT_HEIGHT  16u
#define VGA_ATTRIBUTE    0x0700u /* grey on black */
#define VGA_TAB          8u

#define CRTC_INDEX       0x3d4
#define CRTC_DATA        0x3d5
#define CRTC_CURSOR_HIGH 0x0e
#define CRTC_CURSOR_LOW  0x0f

/* BIOS data area: the mode that the BIOS set last. */
#define BDA_VIDEO_MODE  0x449ull
#define VIDEO_MODE_TEXT 3u

/* Units of lfb_size in dom0_vga_console_info, for VESA. */
#define LFB_SIZE_SHIFT 16

static u16 *screen;
static bool is_ours; /* not any more: domain 0's */
static u32 row, column;
static bool is_text; /* the mode, whoever owns it */

static bool vga_keep;

/* [mode,]keep; there is one mode. Of an unknown mode, too, "keep" is kept. */
static int option_vga(const char *value)
{
    static const char mode[] = "text-80x25";
    const char *comma = strchr(value, ',');
    vga_keep = !strcmp(comma ? comma + 1 : value, "keep");
    if (!comma)
        return vga_keep || !strcmp(value, mode) ? 0 : -EINVAL;
    bool known =
        (size_t)(comma - value) == sizeof(mode) - 1 && !strncmp(value, mode, sizeof(mode) - 1);
    return known && vga_keep ? 0 : -EINVAL;
}
OPTION_DEFINE_CUSTOM("vga", option_vga);

static void cursor_show(void)
{
    u32 place = row * VGA_COLUMNS + column;
    port_out8(CRTC_INDEX, CRTC_CURSOR_HIGH);
    port_out8(CRTC_DATA, (u8)(place >> 8));
    port_out8(CRTC_INDEX, CRTC_CURSOR_LOW);
    port_out8(CRTC_DATA, (u8)place);
}

static void rows_clear(u32 first, u32 last)
{
    for (u32 i = first * VGA_COLUMNS; i < (last + 1) * VGA_COLUMNS; i++)
        WRITE_ONCE(screen[i], (u16)(VGA_ATTRIBUTE | ' '));
}

static void line_end(void)
{
    column = 0;
    if (++row < VGA_ROWS)
        return;
    row = VGA_ROWS - 1;
    memmove(screen, screen + VGA_COLUMNS, row * VGA_COLUMNS * sizeof(*screen));
    rows_clear(row, row);
}

static void character_put(char c)
{
    switch (c) {
    case '\n':
        line_end();
        return;
    case '\r':
        column = 0;
        return;
    case '\b':
        column -= column > 0;
        return;
    case '\t':
        column = ROUND_UP(column + 1, VGA_TAB);
        break;
    default:
        WRITE_ONCE(screen[row * VGA_COLUMNS + column], (u16)(VGA_ATTRIBUTE | (u8)c));
        column++;
        break;
    }
    if (column >= VGA_COLUMNS)
        line_end();
}

static void vga_write(const char *text, size_t bytes)
{
    if (!is_ours)
        return;
    for (size_t i = 0; i < bytes; i++)
        character_put(text[i]);
    cursor_show();
}

static const struct console_device vga_device = {.name = "vga", .write = vga_write};

/* The loader's word, or where it says nothing and there is a BIOS, the BIOS's. */
static bool mode_is_text(void)
{
    const struct boot_screen *s = &boot_info.screen;
    if (s->kind == BOOT_SCREEN_TEXT)
        return s->width == VGA_COLUMNS && s->height == VGA_ROWS;
    if (s->kind != BOOT_SCREEN_UNKNOWN || boot_info.efi_system_table)
        return false;
    return *(const volatile u8 *)paddr_to_virt(BDA_VIDEO_MODE) == VIDEO_MODE_TEXT;
}

bool vga_init(void)
{
    is_text = mode_is_text();
    if (!is_text)
        return false;
    screen = paddr_to_virt(VGA_TEXT_ADDRESS);
    is_ours = true;
    rows_clear(0, VGA_ROWS - 1);
    console_register(&vga_device);
    return true;
}

void vga_give_to_domain0(void)
{
    if (!vga_keep)
        WRITE_ONCE(is_ours, false);
}

static void describe_text(struct dom0_vga_console_info *info)
{
    info->video_type = XEN_VGATYPE_TEXT_MODE_3;
    info->u.text_mode_3.font_height = VGA_FONT_HEIGHT;
    info->u.text_mode_3.cursor_x = (u16)column;
    info->u.text_mode_3.cursor_y = (u16)row;
    info->u.text_mode_3.rows = VGA_ROWS;
    info->u.text_mode_3.columns = VGA_COLUMNS;
}

static void describe_pixels(struct dom0_vga_console_info *info, const struct boot_screen *s)
{
    u64 bytes = (u64)s->pitch * s->height;
    bool efi = boot_info.efi_system_table != 0;
    info->video_type = efi ? XEN_VGATYPE_EFI_LFB : XEN_VGATYPE_VESA_LFB;
    info->u.vesa_lfb.width = (u16)s->width;
    info->u.vesa_lfb.height = (u16)s->height;
    info->u.vesa_lfb.bytes_per_line = (u16)s->pitch;
    info->u.vesa_lfb.bits_per_pixel = (u16)s->bits;
    info->u.vesa_lfb.lfb_base = (u32)s->address;
    info->u.vesa_lfb.ext_lfb_base = (u32)(s->address >> 32);
    info->u.vesa_lfb.lfb_size = (u32)(efi ? bytes : DIV_ROUND_UP(bytes, 1ull << LFB_SIZE_SHIFT));
    info->u.vesa_lfb.red_pos = s->red_position;
    info->u.vesa_lfb.red_size = s->red_bits;
    info->u.vesa_lfb.green_pos = s->green_position;
    info->u.vesa_lfb.green_size = s->green_bits;
    info->u.vesa_lfb.blue_pos = s->blue_position;
    info->u.vesa_lfb.blue_size = s->blue_bits;
}

bool vga_describe(struct dom0_vga_console_info *info, u32 *size)
{
    memset(info, 0, sizeof(*info));
    *size = sizeof(*info);
    if (boot_info.screen.kind == BOOT_SCREEN_PIXELS)
        describe_pixels(info, &boot_info.screen);
    else if (is_text || mode_is_text())
        describe_text(info);
    else
        return false;
    return true;
}
