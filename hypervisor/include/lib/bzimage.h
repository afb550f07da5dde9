/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux's bzImage: a setup header and, from boot protocol 2.08 on, the place of the compressed
 * kernel in the file (Linux, Documentation/arch/x86/boot.rst). No locks, nothing allocated; what is
 * returned points into the file, which the caller keeps.
 */
#ifndef DOMUS_LIB_BZIMAGE_H
#define DOMUS_LIB_BZIMAGE_H

#include "types.h"

struct bzimage {
    u16 protocol; /* major << 8 | minor */
    const u8 *payload;
    size_t payload_size;
    u32 unpacked_size; /* as Linux's build notes it in the payload's last 4 bytes; not verified */
};

/* Whether the file has a bzImage's signatures. */
bool bzimage_recognise(const void *file, size_t file_size);

/*
 * Finds the payload, which is inside the file when this succeeds. 0; or, with a reason (static
 * text) in *why, -ENOEXEC for a damaged file and -EOPNOTSUPP for one that is too old.
 */
must_check int bzimage_parse(const void *file, size_t file_size, struct bzimage *image,
                             const char **why);

#endif
