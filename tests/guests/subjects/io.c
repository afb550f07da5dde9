/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port accesses: who may, by privilege level and by permission bitmap; every form of the
 * instructions, with their prefixes, registers and faults.
 */
#define SUBJECT "io"
#include "subject.h"

#include "abi/physdev.h"

#define PORT_POST  0x80 /* nothing answers: reads as it likes, writes are lost */
#define PORT_DEBUG 0x402

static u8 bitmap[PAGE_SIZE] PAGE_ALIGNED;

static void iopl(u32 level)
{
    struct physdev_set_iopl op = {.iopl = level};
    SAY("set_iopl(%u) -> %ld", level, HYPERCALL2(physdev_op, PHYSDEVOP_set_iopl, &op));
}

static s64 iobitmap(const void *at, u32 ports)
{
    struct physdev_set_iobitmap op = {.bitmap = {(u64)at}, .nr_ports = ports};
    return HYPERCALL2(physdev_op, PHYSDEVOP_set_iobitmap, &op);
}

/* CF8, the address of PCI configuration, is a domain's own: it keeps what is written. */
static void address_latch(void)
{
    in.rdx = 0xcf8;
    in.rax = 0x80000000;
    TRY("outl %eax, %dx");
    TRY("inl %dx, %eax");
    in.rdx = 0xcfc;
    TRY("inl %dx, %eax");
    TRY("inw %dx, %ax");
    TRY("inb %dx, %al");
    in.rdx = 0xcfd;
    TRY("inb %dx, %al");
    TRY("inw %dx, %ax");
    TRY("inl %dx, %eax");
    in.rdx = 0xcff;
    TRY("inw %dx, %ax");
    TRY("inl %dx, %eax");
    in.rdx = 0xcfa;
    TRY("inl %dx, %eax");
    in_reset();
}

static void forms(void)
{
    in.rdx = 0xabc0000 + PORT_POST;
    TRY("inb $0x80, %al; mov $0, %al");
    TRY("inw $0x80, %ax; mov $0, %ax");
    TRY("inl $0x80, %eax; mov $0, %eax");
    TRY(".byte 0x48; inl $0x80, %eax; mov $0, %eax");
    TRY(".byte 0x48; inl %dx, %eax; mov $0, %eax");
    TRY(".byte 0x66; inb %dx, %al; mov $0, %al");
    TRY(".byte 0xf3; inb %dx, %al; mov $0, %al");
    TRY(".byte 0xf2; inb %dx, %al; mov $0, %al");
    TRY(".byte 0xf0; inb %dx, %al; mov $0, %al");
    TRY(".byte 0x67; inb %dx, %al; mov $0, %al");
    TRY(".byte 0x64; inb %dx, %al; mov $0, %al");
    TRY("outb %al, $0x80");
    TRY("outw %ax, $0x80");
    TRY("outl %eax, $0x80");
    in.rdx = 0xffff;
    TRY("inb %dx, %al; mov $0, %al");
    TRY("inw %dx, %ax; mov $0, %ax");
    TRY("inl %dx, %eax; mov $0, %eax");
    in_reset();
}

static void strings(void)
{
    in.rdx = 0xcf8;
    in.rax = 0x80000000;
    TRY_IN(KERNEL, "outl %eax, %dx");
    in.rdi = in.rsi = LOW_DATA;
    in.rcx = 3;
    TRY("insl");
    TRY("outsl");
    TRY("rep insl");
    TRY("rep outsl");
    TRY("repne insl");
    TRY("repne outsl");
    TRY("insb");
    TRY("outsb");
    TRY("insw");
    TRY("outsw");
    TRY("std; insl; cld");
    TRY("std; rep insl; cld");
    TRY("rex.W insl");
    TRY("rex.W rep insl");
    TRY(".byte 0x66, 0x48; insl");
    in.rcx = 0;
    TRY("rep insl");
    TRY("rep outsl");
    in.rcx = 0x100000000;
    TRY("addr32 rep insl");
    in.rcx = 0x100000002;
    TRY("addr32 rep insl");
    in.rdi = in.rsi = 0x100000000 | LOW_DATA;
    TRY("addr32 insl");
    TRY("addr32 outsl");
    TRY("insl");
    TRY("outsl");
    in.rcx = 1000;
    in.rdi = in.rsi = LOW_DATA;
    TRY("rep insl");
    TRY("rep outsl");
    in.rcx = 2000;
    TRY("rep insl");
    /* The end of what can be written, and of what can be read. */
    in.rdi = in.rsi = LOW_CONST - 8;
    in.rcx = 4;
    TRY("rep insl");
    TRY("rep outsl");
    in.rdi = in.rsi = LOW_CONST - 2;
    TRY("insl");
    TRY("rep insl");
    in.rdi = in.rsi = LOW_NONE - 2;
    TRY("outsl");
    in.rdi = in.rsi = NONCANONICAL;
    TRY("insl");
    TRY("outsl");
    in.rdi = in.rsi = HYPERVISORS;
    TRY("insl");
    TRY("outsl");
    in.rdi = in.rsi = 0x7ffffffffffe;
    TRY("outsl");
    in.rdi = in.rsi = LOW_DATA;
    in.rcx = 2;
    TRY(".byte 0x64; outsl");
    TRY(".byte 0x2e; rep outsl");
    in_reset();
}

static void bitmaps(void)
{
    memset(bitmap, 0xff, sizeof(bitmap));
    RESULT("set_iobitmap", iobitmap(bitmap, 65536));
    in.rdx = PORT_DEBUG;
    TRY("inb %dx, %al; mov $0, %al");
    bitmap[PORT_DEBUG / 8] &= (u8) ~(1 << PORT_DEBUG % 8);
    TRY("inb %dx, %al; mov $0, %al");
    TRY("inw %dx, %ax; mov $0, %ax");
    bitmap[PORT_DEBUG / 8] &= (u8) ~(2 << PORT_DEBUG % 8);
    TRY("inw %dx, %ax; mov $0, %ax");
    TRY("inl %dx, %eax; mov $0, %eax");
    static const u32 limits[] = {
        0, PORT_DEBUG, PORT_DEBUG + 1, PORT_DEBUG + 2, PORT_DEBUG + 3, 65535, 65536, 65537, ~0u};
    for (u32 i = 0; i < COUNT(limits); i++) {
        SAY("set_iobitmap of %u -> %ld", limits[i], iobitmap(bitmap, limits[i]));
        TRY("inb %dx, %al; mov $0, %al");
        TRY("inw %dx, %ax; mov $0, %ax");
    }
    /* The last page of it is not there; it crosses a page; it is nobody's. */
    in.rdx = 8 * PAGE_SIZE - 1;
    memset(data_page, 0, PAGE_SIZE);
    RESULT("set_iobitmap before a missing page", iobitmap((void *)(LOW_NONE - PAGE_SIZE), 65536));
    memset(nx_page, 0, PAGE_SIZE);
    TRY("inb %dx, %al; mov $0, %al");
    TRY("inw %dx, %ax; mov $0, %ax");
    in.rdx = 8 * PAGE_SIZE - 9;
    TRY("inb %dx, %al; mov $0, %al");
    RESULT("set_iobitmap without an address", iobitmap((void *)NONCANONICAL, 65536));
    TRY("inb %dx, %al; mov $0, %al");
    RESULT("set_iobitmap of the hypervisor's", iobitmap((void *)HYPERVISORS, 65536));
    TRY("inb %dx, %al; mov $0, %al");
    RESULT("set_iobitmap of nothing", iobitmap(0, 0));
    memset(nx_page, 0, PAGE_SIZE);
    in_reset();
}

void guest_main(void)
{
    subject_start();
    for (u32 level = 0; level < 5; level++) {
        iopl(level);
        in.rdx = PORT_DEBUG;
        TRY("inb %dx, %al; mov $0, %al");
        TRY("outb %al, %dx");
        TRY("cli");
        TRY("sti");
        TRY("pushf; pop %rax");
        in_reset();
    }
    RESULT("assist by RFLAGS",
           HYPERCALL2(vm_assist, VMASST_CMD_enable, VMASST_TYPE_architectural_iopl));
    for (u32 level = 0; level < 4; level++) {
        iopl(level);
        in.rflags = 2 | level << 12;
        in.rdx = PORT_DEBUG;
        TRY("inb %dx, %al; mov $0, %al");
        in.rflags = 2 | (3 - level) << 12;
        TRY("inb %dx, %al; mov $0, %al");
        TRY("pushf; pop %rax");
        TRY("cli");
        in_reset();
    }
    HYPERCALL2(vm_assist, VMASST_CMD_disable, VMASST_TYPE_architectural_iopl);
    iopl(0);
    bitmaps();
    iopl(3);
    address_latch();
    forms();
    strings();
    SAY("end -> 0");
}
