/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall hypfs_op: a file system without files on a disk, in which the tools read what this
 * hypervisor is, and read and set what can be set while it runs (`xenhypfs`, `xl set-parameters`).
 */
#include "abi/hypfs.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "core/hypercall_handlers.h"
#include "core/version.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

#define LEVELS_BYTES 32u /* the longest text of two levels */
#define LIST_BYTES   256u

struct node {
    const char *path;
    u8 type;
    const char *text;   /* a string */
    u32 number;         /* a number */
    bool levels, guest; /* a string that console_levels_set() knows */
};

/* Each directory before what it holds, and that in the order of the alphabet. */
static const struct node nodes[] = {
    {.path = "/"},
    {.path = "/buildinfo"},
    {.path = "/buildinfo/changeset", .type = XEN_HYPFS_TYPE_STRING, .text = VERSION_CHANGESET},
    {.path = "/buildinfo/compileinfo"},
    {.path = "/buildinfo/compileinfo/compiler",
     .type = XEN_HYPFS_TYPE_STRING,
     .text = VERSION_COMPILER},
    {.path = "/buildinfo/version"},
    {.path = "/buildinfo/version/extra", .type = XEN_HYPFS_TYPE_STRING, .text = VERSION_EXTRA},
    {.path = "/buildinfo/version/major", .type = XEN_HYPFS_TYPE_UINT, .number = VERSION_MAJOR},
    {.path = "/buildinfo/version/minor", .type = XEN_HYPFS_TYPE_UINT, .number = VERSION_MINOR},
    {.path = "/params"},
    {.path = "/params/guest_loglvl", .type = XEN_HYPFS_TYPE_STRING, .levels = true, .guest = true},
    {.path = "/params/loglvl", .type = XEN_HYPFS_TYPE_STRING, .levels = true},
};

/* The part of n's path that names it in the directory dir; NULL: it is not there. */
static const char *name_in(const struct node *n, const struct node *dir)
{
    size_t length = dir == &nodes[0] ? 0 : strlen(dir->path);
    if (n == &nodes[0] || strncmp(n->path, dir->path, length) || n->path[length] != '/')
        return NULL;
    const char *name = n->path + length + 1;
    return strchr(name, '/') ? NULL : name;
}

static u32 list_entry_bytes(const char *name)
{
    return ROUND_UP((u32)(offsetof(struct xen_hypfs_dirlistentry, name) + strlen(name) + 1),
                    (u32) _Alignof(struct xen_hypfs_dirlistentry));
}

static struct xen_hypfs_direntry direntry(const struct node *n, u32 bytes)
{
    return (struct xen_hypfs_direntry){.type = n->type,
                                       .encoding = XEN_HYPFS_ENC_PLAIN,
                                       .content_len = bytes,
                                       .max_write_len = n->levels ? LEVELS_BYTES : 0};
}

/* The contents of anything but a directory, in bytes. */
static u32 leaf_read(const struct node *n, char out[LIST_BYTES])
{
    if (n->type == XEN_HYPFS_TYPE_UINT) {
        memcpy(out, &n->number, sizeof(n->number));
        return sizeof(n->number);
    }
    if (n->levels)
        console_levels_get(n->guest, out, LEVELS_BYTES);
    else
        text_format(out, LIST_BYTES, "%s", n->text);
    return (u32)strlen(out) + 1;
}

static u32 node_read(const struct node *n, char out[LIST_BYTES])
{
    struct xen_hypfs_dirlistentry *last = NULL;
    char scratch[LIST_BYTES];
    u32 at = 0;
    if (n->type != XEN_HYPFS_TYPE_DIR)
        return leaf_read(n, out);
    for (const struct node *child = nodes; child < nodes + ARRAY_SIZE(nodes); child++) {
        const char *name = name_in(child, n);
        if (!name)
            continue;
        u32 bytes = list_entry_bytes(name);
        BUG_ON(at + bytes > LIST_BYTES);
        struct xen_hypfs_dirlistentry *entry = (void *)(out + at);
        memset(entry, 0, bytes);
        entry->e =
            direntry(child, child->type == XEN_HYPFS_TYPE_DIR ? 0 : leaf_read(child, scratch));
        memcpy(entry->name, name, strlen(name));
        if (last)
            last->off_next = (u16)((char *)entry - (char *)last);
        last = entry;
        at += bytes;
    }
    return at;
}

static long op_read(const struct node *n, vaddr_t buffer, u64 size)
{
    _Alignas(8) char contents[LIST_BYTES];
    u32 bytes = node_read(n, contents);
    struct xen_hypfs_direntry entry = direntry(n, bytes);
    if (size < sizeof(entry))
        return -EINVAL;
    if (guest_copy_out(buffer, &entry, sizeof(entry)))
        return -EFAULT;
    if (size < sizeof(entry) + bytes)
        return -ENOBUFS;
    return guest_copy_out(buffer + sizeof(entry), contents, bytes) ? -EFAULT : 0;
}

static long op_write(const struct node *n, vaddr_t buffer, u64 size)
{
    char text[LEVELS_BYTES];
    if (!n->levels)
        return -EACCES;
    if (size > sizeof(text))
        return -ENOSPC;
    if (guest_copy_in(text, buffer, size))
        return -EFAULT;
    if (!size || strnlen(text, size) != size - 1)
        return -EINVAL;
    return console_levels_set(n->guest, text);
}

/* NULL and *error: -EINVAL, -EFAULT, -ENOENT. */
static const struct node *node_find(vaddr_t path, u64 size, long *error)
{
    char text[64]; /* longer than any path there is */
    *error = -EINVAL;
    if (!size || size > XEN_HYPFS_MAX_PATHLEN)
        return NULL;
    u64 bytes = MIN(size, sizeof(text));
    *error = -EFAULT;
    if (guest_copy_in(text, path, bytes))
        return NULL;
    *error = -ENOENT;
    if (bytes < size)
        return NULL;
    *error = -EINVAL;
    if (strnlen(text, size) != size - 1 || text[0] != '/' || (size > 2 && text[size - 2] == '/'))
        return NULL;
    *error = -ENOENT;
    for (const struct node *n = nodes; n < nodes + ARRAY_SIZE(nodes); n++)
        if (!strcmp(n->path, text))
            return n;
    return NULL;
}

long hypercall_hypfs_op(struct vcpu *v, u64 cmd, u64 path, u64 path_size, u64 buffer, u64 size,
                        u64 a6)
{
    long error;
    if (!v->domain->is_control)
        return -EPERM;
    if ((u32)cmd == XEN_HYPFS_OP_get_version)
        return path || path_size || buffer || size ? -EINVAL : XEN_HYPFS_VERSION;
    /* A path that is none is refused first, as on Xen. */
    const struct node *n = node_find(path, path_size, &error);
    if (!n)
        return error;
    if ((u32)cmd == XEN_HYPFS_OP_read)
        return op_read(n, buffer, size);
    return (u32)cmd == XEN_HYPFS_OP_write_contents ? op_write(n, buffer, size) : -EOPNOTSUPP;
}
