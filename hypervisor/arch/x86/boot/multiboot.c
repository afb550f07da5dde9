/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads what a Multiboot 1 or 2 loader left in memory. The loader is trusted to mean well, not to
 * count well: every address is asked for with its length, and every length is held against the one
 * around it. Called once by boot_start(); no state.
 *
 * Sources: Multiboot Specification 0.6.96, 3.3; Multiboot2 Specification 2.0, 3.6; UEFI 2.9, 7.2.
 */
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/boot_info.h"
#include "x86/efi.h"

struct reader {
    struct boot_info *info;
    boot_physical_t physical;
    bool has_map; /* a memory map was seen: the coarser descriptions do not count */
};

/* --- Multiboot 1 */

#define MB1_FLAG_MEMORY      BIT(0)
#define MB1_FLAG_CMDLINE     BIT(2)
#define MB1_FLAG_MODULES     BIT(3)
#define MB1_FLAG_MMAP        BIT(6)
#define MB1_FLAG_LOADER      BIT(9)
#define MB1_FLAG_FRAMEBUFFER BIT(12)

struct mb1_info {
    u32 flags;
    u32 mem_lower, mem_upper; /* KiB from 0 and from 1 MiB */
    u32 boot_device;
    u32 cmdline;
    u32 mods_count, mods_addr;
    u32 syms[4];
    u32 mmap_length, mmap_addr;
    u32 drives_length, drives_addr;
    u32 config_table;
    u32 boot_loader_name;
    u32 apm_table;
    u32 vbe[4];
    u64 fb_address;
    u32 fb_pitch, fb_width, fb_height;
    u8 fb_bits, fb_type;
    u8 fb_color[6];
} packed;
STATIC_ASSERT(sizeof(struct mb1_info) == 116);
/* What loaders that know nothing of frame buffers leave. */
#define MB1_INFO_BASIC offsetof(struct mb1_info, fb_address)

struct mb1_module {
    u32 start, end, cmdline, pad;
};

struct mb1_mmap {
    u32 size; /* of what follows */
    u64 base, length;
    u32 type;
} packed;

/* --- Multiboot 2 */

enum mb2_tag_type {
    MB2_TAG_END = 0,
    MB2_TAG_CMDLINE = 1,
    MB2_TAG_LOADER = 2,
    MB2_TAG_MODULE = 3,
    MB2_TAG_MEMORY = 4,
    MB2_TAG_MMAP = 6,
    MB2_TAG_FRAMEBUFFER = 8,
    MB2_TAG_EFI32 = 11,
    MB2_TAG_EFI64 = 12,
    MB2_TAG_RSDP_OLD = 14,
    MB2_TAG_RSDP_NEW = 15,
    MB2_TAG_EFI_MMAP = 17,
    MB2_TAG_EFI_SERVICES = 18,
};

#define MB2_ALIGN 8u
/* More than any loader writes. */
#define MB2_SIZE_MAX MIB(1)

struct mb2_head {
    u32 total_size, reserved;
};
struct mb2_tag {
    u32 type, size; /* size: with this header, without padding */
};
struct mb2_module {
    struct mb2_tag tag;
    u32 start, end;
};
struct mb2_memory {
    struct mb2_tag tag;
    u32 lower, upper; /* KiB */
};
/* Both memory maps; descriptors of entry_size bytes each follow. */
struct mb2_mmap {
    struct mb2_tag tag;
    u32 entry_size, entry_version;
};
struct mb2_mmap_entry {
    u64 base, length;
    u32 type, reserved;
};
struct mb2_framebuffer {
    struct mb2_tag tag;
    u64 address;
    u32 pitch, width, height;
    u8 bits, type;
    u16 reserved;
};
#define FRAMEBUFFER_RGB         1u
#define FRAMEBUFFER_TEXT        2u
#define FRAMEBUFFER_COLOR_BYTES 6u

#define ACPI_RSDP_OLD_BYTES 20u
#define ACPI_RSDP_NEW_BYTES 36u

/* --- what both have in common */

/* Append to the text that is being built; the last byte of info->text stays for its end mark. */
static void text_extend(struct boot_info *info, const char *piece, size_t length)
{
    size_t room = BOOT_TEXT_BYTES - 1 - info->text_used;
    if (length > room) {
        length = room;
        info->notes |= BOOT_NOTE_TEXT;
    }
    memcpy(info->text + info->text_used, piece, length);
    info->text_used += (u32)length;
}

/* End the text that began at begin. */
static const char *text_finish(struct boot_info *info, u32 begin)
{
    info->text[info->text_used] = 0;
    if (info->text_used < BOOT_TEXT_BYTES - 1)
        info->text_used++;
    return info->text + begin;
}

static const char *text_add(struct boot_info *info, const char *text, size_t length)
{
    u32 begin = info->text_used;
    text_extend(info, text, length);
    return text_finish(info, begin);
}

/* A text that ends with a zero at an unknown place, read page by page. */
static const char *text_read(struct reader *r, paddr_t pa)
{
    struct boot_info *info = r->info;
    u32 begin = info->text_used;
    for (;;) {
        size_t bytes = PAGE_SIZE - (pa & ~PAGE_MASK);
        const char *piece = r->physical(pa, bytes);
        if (!piece) {
            info->notes |= BOOT_NOTE_TAG;
            return text_finish(info, begin);
        }
        size_t length = strnlen(piece, bytes);
        text_extend(info, piece, length);
        if (length < bytes || (info->notes & BOOT_NOTE_TEXT))
            return text_finish(info, begin);
        pa += bytes;
    }
}

static void memory_add(struct boot_info *info, u64 base, u64 length, u32 type)
{
    if (memory_ranges_append(info->memory, &info->nr_memory, MEMORY_RAW_MAX, base, length, type) <
        0)
        info->notes |= BOOT_NOTE_MEMORY;
}

/* The loader's two sizes, where there is no map. */
static void memory_add_basic(struct boot_info *info, u64 lower_kib, u64 upper_kib)
{
    memory_add(info, 0, KIB(lower_kib), MEMORY_RAM);
    memory_add(info, MIB(1), KIB(upper_kib), MEMORY_RAM);
}

static struct boot_module *module_add(struct boot_info *info, paddr_t start, paddr_t end)
{
    if (start >= end || info->nr_modules == BOOT_MODULES_MAX) {
        info->notes |= BOOT_NOTE_MODULES;
        return NULL;
    }
    struct boot_module *m = &info->modules[info->nr_modules++];
    *m = (struct boot_module){.start = start, .end = end, .cmdline = ""};
    return m;
}

static void screen_set(struct boot_screen *s, u32 type, const u8 *color)
{
    if (type == FRAMEBUFFER_TEXT) {
        s->kind = BOOT_SCREEN_TEXT;
    } else if (type == FRAMEBUFFER_RGB && color) {
        s->kind = BOOT_SCREEN_PIXELS;
        s->red_position = color[0];
        s->red_bits = color[1];
        s->green_position = color[2];
        s->green_bits = color[3];
        s->blue_position = color[4];
        s->blue_bits = color[5];
    } else {
        s->kind = BOOT_SCREEN_UNKNOWN;
    }
}

/* --- Multiboot 1 */

static void mb1_read_modules(struct reader *r, const struct mb1_info *mb)
{
    for (u32 i = 0; i < mb->mods_count; i++) {
        if (i == BOOT_MODULES_MAX) {
            r->info->notes |= BOOT_NOTE_MODULES;
            return;
        }
        struct mb1_module module;
        const void *p = r->physical(mb->mods_addr + (u64)i * sizeof(module), sizeof(module));
        if (!p) {
            r->info->notes |= BOOT_NOTE_TAG;
            return;
        }
        memcpy(&module, p, sizeof(module));
        struct boot_module *m = module_add(r->info, module.start, module.end);
        if (m && module.cmdline)
            m->cmdline = text_read(r, module.cmdline);
    }
}

static void mb1_read_mmap(struct reader *r, const struct mb1_info *mb)
{
    u64 offset = 0;
    while (offset + sizeof(struct mb1_mmap) <= mb->mmap_length) {
        struct mb1_mmap entry;
        const void *p = r->physical(mb->mmap_addr + offset, sizeof(entry));
        if (p)
            memcpy(&entry, p, sizeof(entry));
        if (!p || entry.size < sizeof(entry) - sizeof(entry.size)) {
            r->info->notes |= BOOT_NOTE_TAG;
            return;
        }
        memory_add(r->info, entry.base, entry.length, entry.type);
        r->has_map = true;
        if (r->info->notes & BOOT_NOTE_MEMORY)
            return;
        offset += (u64)entry.size + sizeof(entry.size);
    }
}

static void mb1_read_screen(struct reader *r, const struct mb1_info *mb)
{
    struct boot_screen *s = &r->info->screen;
    *s = (struct boot_screen){.address = mb->fb_address,
                              .width = mb->fb_width,
                              .height = mb->fb_height,
                              .pitch = mb->fb_pitch,
                              .bits = mb->fb_bits};
    screen_set(s, mb->fb_type, mb->fb_color);
}

static int mb1_parse(struct reader *r, paddr_t address, const char **why)
{
    struct mb1_info mb = {.flags = 0};
    const void *p = r->physical(address, MB1_INFO_BASIC);
    if (!p) {
        *why = "the Multiboot information cannot be read";
        return -EFAULT;
    }
    memcpy(&mb, p, MB1_INFO_BASIC);
    r->info->end = address + MB1_INFO_BASIC;
    if (mb.flags & MB1_FLAG_FRAMEBUFFER) {
        p = r->physical(address, sizeof(mb));
        if (p) {
            memcpy(&mb, p, sizeof(mb));
            r->info->end = address + sizeof(mb);
            mb1_read_screen(r, &mb);
        }
    }
    if (mb.flags & MB1_FLAG_CMDLINE)
        r->info->cmdline = text_read(r, mb.cmdline);
    if (mb.flags & MB1_FLAG_LOADER)
        r->info->loader = text_read(r, mb.boot_loader_name);
    if (mb.flags & MB1_FLAG_MODULES)
        mb1_read_modules(r, &mb);
    if (mb.flags & MB1_FLAG_MMAP)
        mb1_read_mmap(r, &mb);
    if (!r->has_map && (mb.flags & MB1_FLAG_MEMORY))
        memory_add_basic(r->info, mb.mem_lower, mb.mem_upper);
    return 0;
}

/* --- Multiboot 2 */

/* The text of a tag from offset on; it should end with a zero inside the tag. */
static const char *mb2_text(struct reader *r, const struct mb2_tag *tag, u32 size, size_t offset)
{
    if (size <= offset)
        return "";
    const char *text = (const char *)tag + offset;
    return text_add(r->info, text, strnlen(text, size - offset));
}

static void mb2_read_mmap(struct reader *r, const struct mb2_mmap *map, u32 size)
{
    u32 step = map->entry_size;
    for (u64 at = sizeof(*map); at + step <= size; at += step) {
        struct mb2_mmap_entry entry;
        memcpy(&entry, (const char *)map + at, sizeof(entry));
        memory_add(r->info, entry.base, entry.length, entry.type);
    }
}

/* What an EFI memory type is once boot services have ended (UEFI 2.9, table 7-6). */
static u32 efi_memory_type(u32 type)
{
    static const u8 types[] = {
        [0] = MEMORY_RESERVED,  [1] = MEMORY_RAM,       [2] = MEMORY_RAM,
        [3] = MEMORY_RAM,       [4] = MEMORY_RAM,       [5] = MEMORY_RESERVED,
        [6] = MEMORY_RESERVED,  [7] = MEMORY_RAM,       [8] = MEMORY_UNUSABLE,
        [9] = MEMORY_ACPI,      [10] = MEMORY_NVS,      [11] = MEMORY_RESERVED,
        [12] = MEMORY_RESERVED, [13] = MEMORY_RESERVED, [14] = MEMORY_PERSISTENT,
    };
    return type < ARRAY_SIZE(types) ? types[type] : MEMORY_RESERVED;
}

static void mb2_read_efi_mmap(struct reader *r, const struct mb2_mmap *map, u32 size)
{
    u32 step = map->entry_size;
    for (u64 at = sizeof(*map); at + step <= size; at += step) {
        struct efi_descriptor d;
        memcpy(&d, (const char *)map + at, sizeof(d));
        u64 pages = MIN(d.pages, MEMORY_END >> PAGE_SHIFT);
        memory_add(r->info, d.physical, pages << PAGE_SHIFT, efi_memory_type(d.type));
    }
}

static void mb2_read_screen(struct reader *r, const struct mb2_framebuffer *fb, u32 size)
{
    struct boot_screen *s = &r->info->screen;
    *s = (struct boot_screen){.address = fb->address,
                              .width = fb->width,
                              .height = fb->height,
                              .pitch = fb->pitch,
                              .bits = fb->bits};
    bool has_color = size >= sizeof(*fb) + FRAMEBUFFER_COLOR_BYTES;
    screen_set(s, fb->type, has_color ? (const u8 *)(fb + 1) : NULL);
}

/* Bytes that a tag of that type must have at least; ~0: not known here. */
static u32 mb2_tag_min(u32 type)
{
    switch (type) {
    case MB2_TAG_CMDLINE:
    case MB2_TAG_LOADER:
    case MB2_TAG_EFI_SERVICES:
        return sizeof(struct mb2_tag);
    case MB2_TAG_MODULE:
        return sizeof(struct mb2_module);
    case MB2_TAG_MEMORY:
        return sizeof(struct mb2_memory);
    case MB2_TAG_MMAP:
    case MB2_TAG_EFI_MMAP:
        return sizeof(struct mb2_mmap);
    case MB2_TAG_FRAMEBUFFER:
        return sizeof(struct mb2_framebuffer);
    case MB2_TAG_EFI32:
        return sizeof(struct mb2_tag) + sizeof(u32);
    case MB2_TAG_EFI64:
        return sizeof(struct mb2_tag) + sizeof(u64);
    case MB2_TAG_RSDP_OLD:
        return sizeof(struct mb2_tag) + ACPI_RSDP_OLD_BYTES;
    case MB2_TAG_RSDP_NEW:
        return sizeof(struct mb2_tag) + ACPI_RSDP_NEW_BYTES;
    default:
        return ~0u;
    }
}

/* Where UEFI's map is: it says more than which memory there is. */
static void mb2_note_efi_mmap(struct boot_info *info, const struct mb2_mmap *map, u32 size,
                              paddr_t pa)
{
    if (map->entry_size < sizeof(struct efi_descriptor))
        return;
    info->efi_map = pa + sizeof(*map);
    info->efi_map_bytes = size - (u32)sizeof(*map);
    info->efi_map_step = map->entry_size;
}

static void mb2_note_rsdp(struct boot_info *info, u32 size, paddr_t pa)
{
    info->rsdp = pa + sizeof(struct mb2_tag);
    info->rsdp_bytes = size - (u32)sizeof(struct mb2_tag);
}

/* A tag of at least mb2_tag_min() bytes, at the physical address pa. */
static void mb2_read_tag(struct reader *r, const struct mb2_tag *tag, u32 size, paddr_t pa)
{
    struct boot_info *info = r->info;
    switch (tag->type) {
    case MB2_TAG_CMDLINE:
        info->cmdline = mb2_text(r, tag, size, sizeof(*tag));
        break;
    case MB2_TAG_LOADER:
        info->loader = mb2_text(r, tag, size, sizeof(*tag));
        break;
    case MB2_TAG_MODULE: {
        const struct mb2_module *module = (const struct mb2_module *)tag;
        struct boot_module *m = module_add(info, module->start, module->end);
        if (m)
            m->cmdline = mb2_text(r, tag, size, sizeof(*module));
        break;
    }
    case MB2_TAG_FRAMEBUFFER:
        mb2_read_screen(r, (const struct mb2_framebuffer *)tag, size);
        break;
    case MB2_TAG_EFI32:
        info->efi_system_table = *(const u32 *)(tag + 1);
        break;
    case MB2_TAG_EFI64:
        info->efi_system_table = *(const u64 *)(tag + 1);
        info->efi_64bit = true;
        break;
    case MB2_TAG_EFI_MMAP:
        mb2_note_efi_mmap(info, (const struct mb2_mmap *)tag, size, pa);
        break;
    case MB2_TAG_EFI_SERVICES:
        info->efi_services = true;
        break;
    case MB2_TAG_RSDP_OLD:
        if (!info->rsdp)
            mb2_note_rsdp(info, size, pa);
        break;
    case MB2_TAG_RSDP_NEW:
        mb2_note_rsdp(info, size, pa);
        break;
    default:
        break;
    }
}

/* Descriptions of memory, best first: the map, EFI's map, two sizes. */
static void mb2_read_memory(struct reader *r, const struct mb2_tag *best, u32 size)
{
    const struct mb2_mmap *map = (const struct mb2_mmap *)best;
    const struct mb2_memory *sizes = (const struct mb2_memory *)best;
    if (!best)
        return;
    if (best->type == MB2_TAG_MMAP)
        mb2_read_mmap(r, map, size);
    else if (best->type == MB2_TAG_EFI_MMAP)
        mb2_read_efi_mmap(r, map, size);
    else
        memory_add_basic(r->info, sizes->lower, sizes->upper);
}

static u32 mb2_memory_quality(const struct mb2_tag *tag)
{
    const struct mb2_mmap *map = (const struct mb2_mmap *)tag;
    switch (tag->type) {
    case MB2_TAG_MMAP:
        return map->entry_size >= sizeof(struct mb2_mmap_entry) ? 3 : 0;
    case MB2_TAG_EFI_MMAP:
        return map->entry_size >= sizeof(struct efi_descriptor) ? 2 : 0;
    case MB2_TAG_MEMORY:
        return 1;
    default:
        return 0;
    }
}

static int mb2_parse(struct reader *r, paddr_t address, const char **why)
{
    const struct mb2_head *head = r->physical(address, sizeof(*head));
    u64 total = head ? head->total_size : 0;
    if (head && (total < sizeof(*head) || total > MB2_SIZE_MAX || address % MB2_ALIGN)) {
        *why = "the Multiboot2 information has an impossible size or place";
        return -EINVAL;
    }
    const char *base = head ? r->physical(address, total) : NULL;
    if (!base) {
        *why = "the Multiboot2 information cannot be read";
        return -EFAULT;
    }
    r->info->end = address + total;
    const struct mb2_tag *memory = NULL;
    u32 quality = 0;
    for (u64 at = sizeof(*head); at + sizeof(struct mb2_tag) <= total;) {
        const struct mb2_tag *tag = (const struct mb2_tag *)(base + at);
        u32 size = tag->size;
        if (tag->type == MB2_TAG_END)
            break;
        if (size < sizeof(*tag) || size > total - at) {
            r->info->notes |= BOOT_NOTE_TAG;
            break;
        }
        u32 min = mb2_tag_min(tag->type);
        if (min != ~0u && size < min)
            r->info->notes |= BOOT_NOTE_TAG;
        else if (min != ~0u)
            mb2_read_tag(r, tag, size, address + at);
        if (size >= min && mb2_memory_quality(tag) > quality) {
            quality = mb2_memory_quality(tag);
            memory = tag;
        }
        at += ROUND_UP((u64)size, (u64)MB2_ALIGN);
    }
    mb2_read_memory(r, memory, memory ? memory->size : 0);
    return 0;
}

/* --- */

/*
 * GRUB 2 ("GRUB 2.06"; "GRUB 1.99") passes what stands behind a file's name in both protocols. GRUB
 * Legacy ("GNU GRUB 0.97"), QEMU ("qemu"), iPXE and others pass the name first, and do not say so.
 */
static bool loader_passes_names(const char *loader)
{
    return strncmp(loader, "GRUB ", 5) != 0 || loader[5] == '0';
}

int boot_info_parse(struct boot_info *info, u32 magic, paddr_t address, boot_physical_t physical,
                    const char **why)
{
    struct reader r = {.info = info, .physical = physical};
    memset(info, 0, sizeof(*info));
    info->start = info->end = address;
    info->cmdline = info->loader = "";
    info->protocol = magic == MULTIBOOT2_BOOT_MAGIC ? 2 : 1;
    int error = -EINVAL;
    if (magic == MULTIBOOT1_BOOT_MAGIC)
        error = mb1_parse(&r, address, why);
    else if (magic == MULTIBOOT2_BOOT_MAGIC)
        error = mb2_parse(&r, address, why);
    else
        *why = "not started by a Multiboot loader";
    info->named = loader_passes_names(info->loader);
    return error;
}

void boot_info_report(const struct boot_info *info)
{
    if (info->notes & BOOT_NOTE_TEXT)
        log_warning("boot loader: command lines longer than %u bytes together were cut",
                    BOOT_TEXT_BYTES);
    if (info->notes & BOOT_NOTE_MODULES)
        log_warning("boot loader: empty modules, or more than %u, were left out", BOOT_MODULES_MAX);
    if (info->notes & BOOT_NOTE_MEMORY)
        log_warning("boot loader: more than %u ranges of memory; the rest is not used",
                    MEMORY_RAW_MAX);
    if (info->notes & BOOT_NOTE_TAG)
        log_warning("boot loader: a part of its information contradicts itself and was ignored");
}
