/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the compressed kernel in a Linux bzImage (Linux, Documentation/arch/x86/boot.rst). The
 * loader of kernel images calls it.
 */
#include "lib/bzimage.h"
#include "lib/string.h"
#include "errno.h"

/* Offsets in the file of the setup header's fields. */
#define SETUP_SECTORS_AT  0x1F1
#define BOOT_FLAG_AT      0x1FE
#define MAGIC_AT          0x202
#define PROTOCOL_AT       0x206
#define PAYLOAD_OFFSET_AT 0x248
#define PAYLOAD_LENGTH_AT 0x24C
#define HEADER_END        0x250

#define BOOT_FLAG 0xAA55
#define MAGIC     "HdrS"

#define SECTOR_SIZE           512
#define SETUP_SECTORS_DEFAULT 4 /* what 0 stands for */
#define PROTOCOL_MIN          0x0208

static u16 field_16(const u8 *file, size_t at)
{
    u16 v;

    memcpy(&v, file + at, sizeof(v));
    return v;
}

static u32 field_32(const u8 *file, size_t at)
{
    u32 v;

    memcpy(&v, file + at, sizeof(v));
    return v;
}

static int refuse(int error, const char *reason, const char **why)
{
    *why = reason;
    return error;
}

bool bzimage_recognise(const void *file, size_t file_size)
{
    return file_size >= HEADER_END && field_16(file, BOOT_FLAG_AT) == BOOT_FLAG &&
           memcmp((const u8 *)file + MAGIC_AT, MAGIC, sizeof(MAGIC) - 1) == 0;
}

int bzimage_parse(const void *file, size_t file_size, struct bzimage *image, const char **why)
{
    const u8 *f = file;
    u64 start, length;
    u32 sectors;

    if (!bzimage_recognise(file, file_size))
        return refuse(-ENOEXEC, "not a bzImage", why);
    if (field_16(f, PROTOCOL_AT) < PROTOCOL_MIN)
        return refuse(-EOPNOTSUPP, "bzImage: its boot protocol is older than 2.08", why);

    sectors = f[SETUP_SECTORS_AT] ? f[SETUP_SECTORS_AT] : SETUP_SECTORS_DEFAULT;
    start = (u64)(sectors + 1) * SECTOR_SIZE + field_32(f, PAYLOAD_OFFSET_AT);
    length = field_32(f, PAYLOAD_LENGTH_AT);
    if (length < sizeof(image->unpacked_size))
        return refuse(-ENOEXEC, "bzImage: it has no payload", why);
    if (start + length > file_size)
        return refuse(-ENOEXEC, "bzImage: truncated, the payload passes the end of the file", why);

    *image = (struct bzimage){
        .protocol = field_16(f, PROTOCOL_AT),
        .payload = f + start,
        .payload_size = length,
        .unpacked_size = field_32(f, start + length - sizeof(image->unpacked_size)),
    };
    return 0;
}
