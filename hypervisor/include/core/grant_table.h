/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Grant tables: a domain lets others map, copy or take single frames of its own (ABI versions 1,
 * 2).
 */
#ifndef DOMUS_CORE_GRANT_TABLE_H
#define DOMUS_CORE_GRANT_TABLE_H

#include "abi/grant_table.h"
#include "core/domain.h"
#include "types.h"

/*
 * Options gnttab_max_frames and gnttab_max_maptrack_frames: how many frames of its own table, and
 * of its handles for what it maps, a domain may be given, and has if nobody says.
 */
extern u32 grant_frames_max, grant_maptrack_frames_max;

#define GRANT_VERSION_MAX 2u

/* A table of one frame, version 1, which its guest may change up to max_version. -ENOMEM. */
must_check int grant_domain_init(struct domain *d, u32 max_version, u32 max_frames,
                                 u32 max_maptrack_frames);
/* d is dying and its vCPUs run no more: undo every mapping that d holds of others, and give up the
 * table's frames (which hold a reference to d). -ERESTART while there is more. What others map of
 * d's stays until they unmap it. */
must_check int grant_domain_release_mappings(struct domain *d);
/* With the last reference to d, so that nobody maps anything of it. */
void grant_domain_destroy(struct domain *d);
/* Debug key: the entries that are in use. */
void grant_dump(struct domain *d);

/* Frame of the shared (or status) array for XENMAPSPACE_grant_table and resource mapping: grows the
 * table to hold it. idx may carry XENMAPIDX_grant_table_status. -EINVAL: beyond the limit, or no
 * version 2; -ENOMEM. */
must_check int grant_table_frame(struct domain *d, u64 idx, mfn_t *mfn);
/* How many of them there may be. */
u32 grant_table_frames_max(struct domain *d, bool status);

#endif
