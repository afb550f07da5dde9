/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's file system: hypercall hypfs_op(cmd, path, length of path with its zero byte,
 * buffer, length of buffer).
 */
#ifndef DOMUS_ABI_HYPFS_H
#define DOMUS_ABI_HYPFS_H

#include "xen.h"

#define XEN_HYPFS_VERSION     1
#define XEN_HYPFS_MAX_PATHLEN 1024

#define XEN_HYPFS_OP_get_version    0 /* all arguments 0 */
#define XEN_HYPFS_OP_read           1 /* a direntry, then the contents */
#define XEN_HYPFS_OP_write_contents 2

/* xen_hypfs_direntry.type. */
#define XEN_HYPFS_TYPE_DIR    0
#define XEN_HYPFS_TYPE_BLOB   1
#define XEN_HYPFS_TYPE_STRING 2
#define XEN_HYPFS_TYPE_UINT   3
#define XEN_HYPFS_TYPE_INT    4
#define XEN_HYPFS_TYPE_BOOL   5

/* xen_hypfs_direntry.encoding. */
#define XEN_HYPFS_ENC_PLAIN 0
#define XEN_HYPFS_ENC_GZIP  1

struct xen_hypfs_direntry {
    uint8_t type;
    uint8_t encoding;
    uint16_t pad;
    uint32_t content_len;
    uint32_t max_write_len; /* 0: cannot be written */
};

/* What the contents of a directory consist of. */
struct xen_hypfs_dirlistentry {
    struct xen_hypfs_direntry e;
    uint16_t off_next; /* bytes from this entry to the next; 0: the last one */
    char name[];       /* ended by a zero */
};

#endif
