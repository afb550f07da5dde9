/* SPDX-License-Identifier: MIT */
/*
 * Features, by bit number: what a kernel's ELF note asks for, and what XENVER_get_features tells.
 * Constants only; may be used from assembly.
 */
#ifndef DOMUS_ABI_FEATURES_H
#define DOMUS_ABI_FEATURES_H

#define XENFEAT_writable_page_tables       0 /* the guest writes its tables itself */
#define XENFEAT_writable_descriptor_tables 1
#define XENFEAT_auto_translated_physmap    2 /* guest frames are not machine frames */
#define XENFEAT_supervisor_mode_kernel     3 /* the kernel runs in ring 0 */
#define XENFEAT_pae_pgdir_above_4gb        4
#define XENFEAT_mmu_pt_update_preserve_ad  5 /* MMU_PT_UPDATE_PRESERVE_AD */
#define XENFEAT_highmem_assist             6 /* MMUEXT_CLEAR_PAGE, MMUEXT_COPY_PAGE */
#define XENFEAT_gnttab_map_avail_bits      7 /* GNTMAP_guest_avail_mask */
#define XENFEAT_hvm_callback_vector        8
#define XENFEAT_hvm_safe_pvclock           9
#define XENFEAT_hvm_pirqs                  10
#define XENFEAT_dom0                       11 /* may be, or is, the initial domain */
#define XENFEAT_memory_op_vnode_supported  13 /* XENMEMF_vnode */
#define XENFEAT_ARM_SMCCC_supported        14
#define XENFEAT_linux_rsdp_unrestricted    15
#define XENFEAT_not_direct_mapped          16
#define XENFEAT_direct_mapped              17 /* guest frames are machine frames */

/* Words of 32 features each. */
#define XENFEAT_NR_SUBMAPS 1

#endif
