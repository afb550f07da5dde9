/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall hypfs_op: a file system without files on a disk, in which the tools read what this
 * hypervisor is, and read and set what can be set while it runs (`xenhypfs`, `xl set-parameters`).
 */
#include "abi/hypfs.h"
#include "core/console.h"
#include "core/cpupool.h"
#include "core/domain.h"
#include "core/grant_table.h"
#include "core/guest_access.h"
#include "core/hypercall_handlers.h"
#include "core/version.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"

#define LEVELS_BYTES 32u /* the longest text of two levels */
#define TEXT_BYTES   256u
#define LIST_BYTES   2048u
#define POOL_BYTES   32u /* the longest path of what a CPU pool has */

struct node {
    const char *path;
    u8 type;
    const char *text;   /* a string */
    u32 number;         /* a number ... */
    const u32 *at;      /* ... or where it is */
    bool levels, guest; /* a string that console_levels_set() knows */
    bool pools, pool;   /* the directory of all CPU pools, or of one */
};

/* How the threads of a processor are shared out in a pool. */
#define GRANULARITY      "sched-gran"
#define GRANULARITY_TEXT "cpu"

/* Each directory before what it holds, and that in the order of the alphabet. */
static const struct node nodes[] = {
    {.path = "/"},
    {.path = "/buildinfo"},
    {.path = "/buildinfo/changeset", .type = XEN_HYPFS_TYPE_STRING, .text = VERSION_CHANGESET},
    {.path = "/buildinfo/compileinfo"},
    {.path = "/buildinfo/compileinfo/compile_by", .type = XEN_HYPFS_TYPE_STRING, .text = ""},
    {.path = "/buildinfo/compileinfo/compile_date", .type = XEN_HYPFS_TYPE_STRING, .text = ""},
    {.path = "/buildinfo/compileinfo/compile_domain", .type = XEN_HYPFS_TYPE_STRING, .text = ""},
    {.path = "/buildinfo/compileinfo/compiler",
     .type = XEN_HYPFS_TYPE_STRING,
     .text = VERSION_COMPILER},
    {.path = "/buildinfo/version"},
    {.path = "/buildinfo/version/extra", .type = XEN_HYPFS_TYPE_STRING, .text = VERSION_EXTRA},
    {.path = "/buildinfo/version/major", .type = XEN_HYPFS_TYPE_UINT, .number = VERSION_MAJOR},
    {.path = "/buildinfo/version/minor", .type = XEN_HYPFS_TYPE_UINT, .number = VERSION_MINOR},
    {.path = "/cpupool", .pools = true},
    {.path = "/params"},
    {.path = "/params/gnttab_max_frames", .type = XEN_HYPFS_TYPE_UINT, .at = &grant_frames_max},
    {.path = "/params/gnttab_max_maptrack_frames",
     .type = XEN_HYPFS_TYPE_UINT,
     .at = &grant_maptrack_frames_max},
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

static struct xen_hypfs_direntry direntry(const struct node *n, u32 bytes)
{
    return (struct xen_hypfs_direntry){.type = n->type,
                                       .encoding = XEN_HYPFS_ENC_PLAIN,
                                       .content_len = bytes,
                                       .max_write_len = n->levels ? LEVELS_BYTES : 0};
}

/* The contents of anything but a directory, in bytes. */
static u32 leaf_read(const struct node *n, char out[TEXT_BYTES])
{
    if (n->type == XEN_HYPFS_TYPE_UINT) {
        memcpy(out, n->at ? n->at : &n->number, sizeof(n->number));
        return sizeof(n->number);
    }
    if (n->levels)
        console_levels_get(n->guest, out, LEVELS_BYTES);
    else
        text_format(out, TEXT_BYTES, "%s", n->text);
    return (u32)strlen(out) + 1;
}

/* Entries of a directory, one behind the other. */
struct list {
    _Alignas(8) char bytes[LIST_BYTES];
    u32 used;
    struct xen_hypfs_dirlistentry *last;
};

static void list_add(struct list *l, const char *name, const struct node *n)
{
    char text[TEXT_BYTES];
    u32 bytes = ROUND_UP((u32)(offsetof(struct xen_hypfs_dirlistentry, name) + strlen(name) + 1),
                         (u32) _Alignof(struct xen_hypfs_dirlistentry));
    BUG_ON(l->used + bytes > LIST_BYTES);
    struct xen_hypfs_dirlistentry *entry = (void *)(l->bytes + l->used);
    memset(entry, 0, bytes);
    entry->e = direntry(n, n->type == XEN_HYPFS_TYPE_DIR ? 0 : leaf_read(n, text));
    memcpy(entry->name, name, strlen(name));
    if (l->last)
        l->last->off_next = (u16)((char *)entry - (char *)l->last);
    l->last = entry;
    l->used += bytes;
}

static const struct node pool_directory = {.type = XEN_HYPFS_TYPE_DIR, .pool = true};
static const struct node pool_granularity = {.type = XEN_HYPFS_TYPE_STRING,
                                             .text = GRANULARITY_TEXT};

static void node_list(const struct node *dir, struct list *l)
{
    char name[POOL_BYTES];
    if (dir->pool) {
        list_add(l, GRANULARITY, &pool_granularity);
    } else if (dir->pools) {
        for (u32 id = 0; id < CPUPOOLS; id++) {
            if (!cpupool_exists(id))
                continue;
            text_format(name, sizeof(name), "%u", id);
            list_add(l, name, &pool_directory);
        }
    } else {
        for (const struct node *n = nodes; n < nodes + ARRAY_SIZE(nodes); n++)
            if (name_in(n, dir))
                list_add(l, name_in(n, dir), n);
    }
}

static long op_read(const struct node *n, vaddr_t buffer, u64 size)
{
    struct list l = {.used = 0};
    if (n->type == XEN_HYPFS_TYPE_DIR)
        node_list(n, &l);
    else
        l.used = leaf_read(n, l.bytes);
    struct xen_hypfs_direntry entry = direntry(n, l.used);
    if (size < sizeof(entry))
        return -EINVAL;
    if (guest_copy_out(buffer, &entry, sizeof(entry)))
        return -EFAULT;
    if (size < sizeof(entry) + l.used)
        return -ENOBUFS;
    return guest_copy_out(buffer + sizeof(entry), l.bytes, l.used) ? -EFAULT : 0;
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

static const struct node *pool_node_find(const char *path)
{
    char directory[POOL_BYTES], granularity[POOL_BYTES];
    for (u32 id = 0; id < CPUPOOLS; id++) {
        text_format(directory, sizeof(directory), "/cpupool/%u", id);
        text_format(granularity, sizeof(granularity), "%s/" GRANULARITY, directory);
        if (!strcmp(path, directory))
            return cpupool_exists(id) ? &pool_directory : NULL;
        if (!strcmp(path, granularity))
            return cpupool_exists(id) ? &pool_granularity : NULL;
    }
    return NULL;
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
    return pool_node_find(text);
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
