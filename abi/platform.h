/* SPDX-License-Identifier: MIT */
/*
 * What only the initial domain does to the machine: hypercall platform_op(struct xen_platform_op
 * *). Wall clock, memory types, microcode, firmware services, sleep, power management, CPU hotplug.
 */
#ifndef DOMUS_ABI_PLATFORM_H
#define DOMUS_ABI_PLATFORM_H

#include "xen.h"

#define XENPF_INTERFACE_VERSION 0x03000001

/* xen_platform_op.cmd. */
#define XENPF_settime32            17
#define XENPF_add_memtype          31
#define XENPF_del_memtype          32
#define XENPF_read_memtype         33
#define XENPF_microcode_update     35
#define XENPF_platform_quirk       39
#define XENPF_get_cpu_version      48
#define XENPF_efi_runtime_call     49
#define XENPF_firmware_info        50
#define XENPF_enter_acpi_sleep     51
#define XENPF_change_freq          52
#define XENPF_getidletime          53
#define XENPF_set_processor_pminfo 54
#define XENPF_get_cpuinfo          55
#define XENPF_cpu_online           56
#define XENPF_cpu_offline          57
#define XENPF_cpu_hotadd           58
#define XENPF_mem_hotadd           59
#define XENPF_core_parking         60
#define XENPF_resource_op          61
#define XENPF_settime64            62
#define XENPF_settime              XENPF_settime64
#define XENPF_get_symbol           63

/* Wall clock, since 1970, at a given system time (ns). */
struct xenpf_settime32 {
    uint32_t secs;
    uint32_t nsecs;
    uint64_t system_time;
};

struct xenpf_settime64 {
    uint64_t secs;
    uint32_t nsecs;
    uint32_t mbz; /* must be 0 */
    uint64_t system_time;
};

/* MTRRs: `type` is the architectural memory type. */
struct xenpf_add_memtype {
    uint64_t mfn;
    uint64_t nr_mfns;
    uint32_t type;
    uint32_t handle; /* out */
    uint32_t reg;    /* out */
};

struct xenpf_del_memtype {
    uint32_t handle;
    uint32_t reg;
};

struct xenpf_read_memtype {
    uint32_t reg;
    uint64_t mfn;     /* out, as all that follows */
    uint64_t nr_mfns; /* 0: unused */
    uint32_t type;
};

struct xenpf_microcode_update {
    guest_handle_const_void data;
    uint32_t length; /* bytes */
};

/* xenpf_platform_quirk.quirk_id. */
#define QUIRK_NOIRQBALANCING     1
#define QUIRK_IOAPIC_BAD_REGSEL  2
#define QUIRK_IOAPIC_GOOD_REGSEL 3

struct xenpf_platform_quirk {
    uint32_t quirk_id;
};

/* xenpf_efi_runtime_call.function (UEFI specification, "Services - Runtime Services"). */
#define XEN_EFI_get_time                      1
#define XEN_EFI_set_time                      2
#define XEN_EFI_get_wakeup_time               3
#define XEN_EFI_set_wakeup_time               4
#define XEN_EFI_get_next_high_monotonic_count 5 /* out: misc */
#define XEN_EFI_get_variable                  6
#define XEN_EFI_set_variable                  7
#define XEN_EFI_get_next_variable_name        8
#define XEN_EFI_query_variable_info           9
#define XEN_EFI_query_capsule_capabilities    10
#define XEN_EFI_update_capsule                11

/* xenpf_efi_runtime_call.misc, by function. */
#define XEN_EFI_GET_TIME_SET_CLEARS_NS      1 /* out */
#define XEN_EFI_GET_WAKEUP_TIME_ENABLED     1 /* out */
#define XEN_EFI_GET_WAKEUP_TIME_PENDING     2 /* out */
#define XEN_EFI_SET_WAKEUP_TIME_ENABLE      1 /* in */
#define XEN_EFI_SET_WAKEUP_TIME_ENABLE_ONLY 2 /* in */
#define XEN_EFI_VARIABLE_NON_VOLATILE       1 /* attributes of a variable */
#define XEN_EFI_VARIABLE_BOOTSERVICE_ACCESS 2
#define XEN_EFI_VARIABLE_RUNTIME_ACCESS     4
#define XEN_EFI_VARINFO_BOOT_SNAPSHOT       1 /* in: what was known at boot */

struct xenpf_efi_time {
    uint16_t year;
    uint8_t month;
    uint8_t day;
    uint8_t hour;
    uint8_t min;
    uint8_t sec;
    uint32_t ns;
    int16_t tz; /* minutes */
    uint8_t daylight;
};

struct xenpf_efi_guid {
    uint32_t data1;
    uint16_t data2;
    uint16_t data3;
    uint8_t data4[8];
};

struct xenpf_efi_runtime_call {
    uint32_t function;
    uint32_t misc;
    uint64_t status; /* out: EFI_STATUS */
    union {
        struct {
            struct xenpf_efi_time time;
            uint32_t resolution;
            uint32_t accuracy;
        } get_time;
        struct xenpf_efi_time set_time;
        struct xenpf_efi_time get_wakeup_time;
        struct xenpf_efi_time set_wakeup_time;
        struct {
            guest_handle_void name; /* UCS-2, ended by zero */
            uint64_t size;          /* bytes */
            guest_handle_void data;
            struct xenpf_efi_guid vendor_guid;
        } get_variable, set_variable;
        struct {
            uint64_t size;
            guest_handle_void name;
            struct xenpf_efi_guid vendor_guid;
        } get_next_variable_name;
        struct {
            uint32_t attr;
            uint64_t max_store_size;
            uint64_t remain_store_size;
            uint64_t max_size;
        } query_variable_info;
        struct {
            guest_handle_void capsule_header_array;
            uint64_t capsule_count;
            uint64_t max_capsule_size;
            uint32_t reset_type;
        } query_capsule_capabilities;
        struct {
            guest_handle_void capsule_header_array;
            uint64_t capsule_count;
            uint64_t sg_list; /* machine address */
        } update_capsule;
    } u;
};

/* xenpf_firmware_info.type: what the firmware said before the hypervisor started. */
#define XEN_FW_DISK_INFO          1 /* INT 13h AH=48h and 08h; index counts disks */
#define XEN_FW_DISK_MBR_SIGNATURE 2 /* index counts disks */
#define XEN_FW_VBEDDC_INFO        3 /* INT 10h AX=4F15h */
#define XEN_FW_EFI_INFO           4 /* index is XEN_FW_EFI_* */
#define XEN_FW_KBD_SHIFT_FLAGS    5 /* INT 16h AH=02h */

/* xenpf_firmware_info.index of XEN_FW_EFI_INFO. */
#define XEN_FW_EFI_VERSION          0
#define XEN_FW_EFI_CONFIG_TABLE     1
#define XEN_FW_EFI_VENDOR           2
#define XEN_FW_EFI_MEM_INFO         3
#define XEN_FW_EFI_RT_VERSION       4
#define XEN_FW_EFI_PCI_ROM          5
#define XEN_FW_EFI_APPLE_PROPERTIES 6

struct xenpf_firmware_info {
    uint32_t type;
    uint32_t index;
    union {
        struct {
            uint8_t device; /* BIOS number */
            uint8_t version;
            uint16_t interface_support;
            uint16_t legacy_max_cylinder;
            uint8_t legacy_max_head;
            uint8_t legacy_sectors_per_track;
            guest_handle_void edd_params; /* its first 16 bits: room for it, bytes */
        } disk_info;
        struct {
            uint8_t device;
            uint32_t mbr_signature;
        } disk_mbr_signature;
        struct {
            uint8_t capabilities;
            uint8_t edid_transfer_time; /* s */
            guest_handle_uint8 edid;    /* 128 bytes */
        } vbeddc_info;
        union xenpf_efi_info {
            uint32_t version; /* also of the runtime services */
            struct {
                uint64_t addr; /* machine */
                uint32_t nent;
            } cfg;
            struct {
                uint32_t revision;
                uint32_t bufsz; /* bytes; in: room, out: used */
                guest_handle_void name;
            } vendor;
            struct {
                uint64_t addr; /* in; out: start of its range */
                uint64_t size;
                uint64_t attr;
                uint32_t type;
            } mem;
            struct {
                uint16_t segment; /* in, as bus and devfn */
                uint8_t bus;
                uint8_t devfn;
                uint16_t vendor;
                uint16_t devid;
                uint64_t address;
                uint64_t size;
            } pci_rom;
            struct {
                uint64_t address;
                uint64_t size;
            } apple_properties;
        } efi_info;
        uint8_t kbd_shift_flags;
    } u;
};

/* xenpf_enter_acpi_sleep.flags: val_a and val_b are of the extended registers (ACPI 5.0). */
#define XENPF_ACPI_SLEEP_EXTENDED 1

struct xenpf_enter_acpi_sleep {
    uint16_t val_a;       /* for PM1a control, or sleep control */
    uint16_t val_b;       /* for PM1b control, or sleep type */
    uint32_t sleep_state; /* n of Sn */
    uint32_t flags;
};

struct xenpf_change_freq {
    uint32_t flags; /* must be 0 */
    uint32_t cpu;
    uint64_t freq; /* Hz */
};

struct xenpf_getidletime {
    guest_handle_uint8 cpumap_bitmap; /* in: wanted; out: exist */
    uint32_t cpumap_nr_cpus;
    guest_handle_uint64 idletime; /* out: ns, indexed by CPU */
    uint64_t now;                 /* out: system time */
};

/* What may be controlled from here, and in start_info: bits of SIF_PM_MASK. */
#define XEN_PROCESSOR_PM_CX 1
#define XEN_PROCESSOR_PM_PX 2
#define XEN_PROCESSOR_PM_TX 4

/* xenpf_set_processor_pminfo.type. */
#define XEN_PM_CX  0
#define XEN_PM_PX  1
#define XEN_PM_TX  2
#define XEN_PM_PDC 3

/* xen_processor_performance.flags: which parts are given. */
#define XEN_PX_PCT 1
#define XEN_PX_PSS 2
#define XEN_PX_PPC 4
#define XEN_PX_PSD 8

/* xen_processor_performance.shared_type: who coordinates CPUs that share a clock. */
#define XEN_CPUPERF_SHARED_TYPE_HW  1
#define XEN_CPUPERF_SHARED_TYPE_ALL 2
#define XEN_CPUPERF_SHARED_TYPE_ANY 3

/* Structs named as the ACPI objects that they carry (ACPI specification, "Processor ..."). */
struct xen_power_register {
    uint32_t space_id;
    uint32_t bit_width;
    uint32_t bit_offset;
    uint32_t access_size;
    uint64_t address;
};

struct xen_processor_csd {
    uint32_t domain;
    uint32_t coord_type;
    uint32_t num;
};
DEFINE_GUEST_HANDLE(xen_processor_csd, struct xen_processor_csd);

struct xen_processor_cx {
    struct xen_power_register reg;
    uint8_t type;     /* n of Cn */
    uint32_t latency; /* us */
    uint32_t power;   /* mW */
    uint32_t dpcnt;
    guest_handle_xen_processor_csd dp;
};
DEFINE_GUEST_HANDLE(xen_processor_cx, struct xen_processor_cx);

struct xen_processor_flags {
    uint32_t bm_control : 1;
    uint32_t bm_check : 1;
    uint32_t has_cst : 1;
    uint32_t power_setup_done : 1;
    uint32_t bm_rld_set : 1;
};

struct xen_processor_power {
    uint32_t count;
    struct xen_processor_flags flags;
    guest_handle_xen_processor_cx states;
};

struct xen_pct_register {
    uint8_t descriptor;
    uint16_t length;
    uint8_t space_id;
    uint8_t bit_width;
    uint8_t bit_offset;
    uint8_t reserved;
    uint64_t address;
};

struct xen_processor_px {
    uint64_t core_frequency;     /* MHz */
    uint64_t power;              /* mW */
    uint64_t transition_latency; /* us */
    uint64_t bus_master_latency; /* us */
    uint64_t control;
    uint64_t status;
};
DEFINE_GUEST_HANDLE(xen_processor_px, struct xen_processor_px);

struct xen_psd_package {
    uint64_t num_entries;
    uint64_t revision;
    uint64_t domain;
    uint64_t coord_type;
    uint64_t num_processors;
};

struct xen_processor_performance {
    uint32_t flags; /* XEN_PX_* */
    uint32_t platform_limit;
    struct xen_pct_register control_register;
    struct xen_pct_register status_register;
    uint32_t state_count;
    guest_handle_xen_processor_px states;
    struct xen_psd_package domain_info;
    uint32_t shared_type; /* XEN_CPUPERF_SHARED_TYPE_* */
};

struct xenpf_set_processor_pminfo {
    uint32_t id; /* ACPI id of the CPU */
    uint32_t type;
    union {
        struct xen_processor_power power;
        struct xen_processor_performance perf;
        guest_handle_uint32 pdc; /* revision, count, then count words */
    } u;
};

/* xenpf_pcpuinfo.flags. */
#define XEN_PCPU_FLAGS_ONLINE  1
#define XEN_PCPU_FLAGS_INVALID 2 /* no such CPU */

struct xenpf_pcpuinfo {
    uint32_t xen_cpuid;   /* in */
    uint32_t max_present; /* out: highest CPU */
    uint32_t flags;       /* out */
    uint32_t apic_id;     /* out */
    uint32_t acpi_id;     /* out */
};

struct xenpf_pcpu_version {
    uint32_t xen_cpuid;   /* in */
    uint32_t max_present; /* out: highest CPU */
    char vendor_id[12];
    uint32_t family;
    uint32_t model;
    uint32_t stepping;
};

struct xenpf_cpu_ol {
    uint32_t cpuid; /* the hypervisor's number of the CPU */
};

struct xenpf_cpu_hotadd {
    uint32_t apic_id;
    uint32_t acpi_id;
    uint32_t pxm; /* ACPI proximity domain */
};

/* Frames [spfn, epfn). */
struct xenpf_mem_hotadd {
    uint64_t spfn;
    uint64_t epfn;
    uint32_t pxm;
    uint32_t flags;
};

#define XEN_CORE_PARKING_SET 1
#define XEN_CORE_PARKING_GET 2

struct xenpf_core_parking {
    uint32_t type;      /* XEN_CORE_PARKING_* */
    uint32_t idle_nums; /* CPUs to keep idle */
};

#define XEN_RESOURCE_OP_MSR_READ  0
#define XEN_RESOURCE_OP_MSR_WRITE 1

struct xenpf_resource_entry {
    union {
        uint32_t cmd; /* XEN_RESOURCE_OP_* */
        int32_t ret;  /* out, where it failed */
    } u;
    uint32_t rsvd;
    uint64_t idx; /* MSR */
    uint64_t val; /* in or out */
};
DEFINE_GUEST_HANDLE(xenpf_resource_entry, struct xenpf_resource_entry);

/* Entries are run together on one CPU; the result is how many were. */
struct xenpf_resource_op {
    uint32_t nr_entries;
    uint32_t cpu;
    guest_handle_xenpf_resource_entry entries;
};

struct xenpf_symdata {
    uint32_t namelen; /* in: room; out: length */
    uint32_t symnum;  /* in: wanted; out: the next */
    guest_handle_char name;
    uint64_t address; /* out */
    char type;        /* out: letter as nm prints it */
};

struct xen_platform_op {
    uint32_t cmd;
    uint32_t interface_version; /* XENPF_INTERFACE_VERSION */
    union {
        struct xenpf_settime64 settime;
        struct xenpf_settime32 settime32;
        struct xenpf_settime64 settime64;
        struct xenpf_add_memtype add_memtype;
        struct xenpf_del_memtype del_memtype;
        struct xenpf_read_memtype read_memtype;
        struct xenpf_microcode_update microcode;
        struct xenpf_platform_quirk platform_quirk;
        struct xenpf_efi_runtime_call efi_runtime_call;
        struct xenpf_firmware_info firmware_info;
        struct xenpf_enter_acpi_sleep enter_acpi_sleep;
        struct xenpf_change_freq change_freq;
        struct xenpf_getidletime getidletime;
        struct xenpf_set_processor_pminfo set_pminfo;
        struct xenpf_pcpuinfo pcpu_info;
        struct xenpf_pcpu_version pcpu_version;
        struct xenpf_cpu_ol cpu_ol;
        struct xenpf_cpu_hotadd cpu_add;
        struct xenpf_mem_hotadd mem_add;
        struct xenpf_core_parking core_parking;
        struct xenpf_resource_op resource_op;
        struct xenpf_symdata symdata;
        uint8_t pad[128];
    } u;
};
DEFINE_GUEST_HANDLE(xen_platform_op, struct xen_platform_op);

#endif
