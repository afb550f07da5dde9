/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 32-bit program without a C library, for the ways in which such programs enter a 64-bit kernel:
 * int 0x80, and the kernel's own choice (AT_SYSINFO: by SYSENTER or SYSCALL, as the processor has
 * them). Several processes at once; each checks that it is told its own number.
 */
#define NR_EXIT    1
#define NR_FORK    2
#define NR_WRITE   4
#define NR_WAITPID 7
#define NR_GETPID  20
#define NR_YIELD   158
#define NR_GETPPID 64

#define AT_NULL    0
#define AT_SYSINFO 32

#define WORKERS 4
#define ROUNDS  3000

static unsigned sysinfo;

static int call_int80(int nr, int a, int b, int c)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "0"(nr), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

static int call_sysinfo(int nr)
{
    int result;
    __asm__ volatile("call *%2" : "=a"(result) : "0"(nr), "r"(sysinfo) : "memory", "ecx", "edx");
    return result;
}

static void say(const char *text)
{
    int length = 0;
    while (text[length])
        length++;
    call_int80(NR_WRITE, 1, (int)text, length);
}

static int worker(void)
{
    int pid = call_int80(NR_GETPID, 0, 0, 0), parent = call_int80(NR_GETPPID, 0, 0, 0);
    for (int i = 0; i < ROUNDS; i++) {
        if (call_int80(NR_GETPID, 0, 0, 0) != pid)
            return 2;
        if (sysinfo && (call_sysinfo(NR_GETPID) != pid || call_sysinfo(NR_GETPPID) != parent))
            return 3;
        if (i % 50 == 0)
            call_int80(NR_YIELD, 0, 0, 0);
    }
    return 0;
}

static int all(void)
{
    int bad = 0;
    for (int i = 0; i < WORKERS; i++)
        if (!call_int80(NR_FORK, 0, 0, 0))
            call_int80(NR_EXIT, worker(), 0, 0);
    for (int i = 0; i < WORKERS; i++) {
        int status = -1;
        call_int80(NR_WAITPID, -1, (int)&status, 0);
        if (status)
            bad = status;
    }
    return bad;
}

/* The stack at the start: argc, argv, 0, environment, 0, pairs of the auxiliary vector. */
__attribute__((used, noreturn)) static void start(const unsigned *sp)
{
    const unsigned *p = sp + 1 + *sp + 1;
    while (*p)
        p++;
    for (p++; p[0] != AT_NULL; p += 2)
        if (p[0] == AT_SYSINFO)
            sysinfo = p[1];
    int bad = all();
    say(bad       ? "LOAD: wrong: 32-bit calls\n"
        : sysinfo ? "LOAD: 32-bit right, both ways\n"
                  : "LOAD: 32-bit right\n");
    call_int80(NR_EXIT, bad ? 1 : 0, 0, 0);
    for (;;)
        ;
}

__asm__(".globl _start\n_start: xor %ebp, %ebp; mov %esp, %eax; push %eax; call start\n");
