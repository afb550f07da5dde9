# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the tests' scripts in domain 0 share: the start of the tools, and guests of the kernels under /guest,
# made, watched and told what to do. Sourced by bash; a wait that fails ends the script.

export HOME=/srv PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/xen-4.17/bin TERM=dumb LC_ALL=C

# What an init has done before it starts services.
prepare() {
    local number=0
    mount -t tmpfs run /run
    mount -t tmpfs tmp /tmp
    # As udev does: scripts look at their own descriptors there.
    ln -sfn /proc/self/fd /dev/fd
    for name in stdin stdout stderr; do ln -sf fd/$((number++)) /dev/$name; done
    mkdir -p /run/lock /run/xen /run/xenstored /run/lvm /run/openvswitch /dev/pts /dev/shm
    mount -t devpts devpts /dev/pts
    for module in xenfs xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xen-blkback xen-netback loop bridge tun; do
        modprobe $module || fail "no module $module"
    done
    ip link set lo up
}

# Starts what Debian's init scripts start for xl, but no device model.
start_tools() {
    prepare
    mount -t xenfs xenfs /proc/xen
    xenstored --pid-file=/run/xen/xenstored.pid || fail 'no store'
    until_true 10 xenstore-read / || fail 'the store does not answer'
    xen-init-dom0 || fail 'domain 0 is not in the store'
    xenconsoled --pid-file=/run/xen/xenconsoled.pid --log=all --log-dir=/var/log/xen/console || fail 'no consoled'
}

fail() {
    echo "xenhost: $*"
    xl list
    tail -n 30 /var/log/xen/console/*.log /var/log/xen/*.log 2>/dev/null
    dmesg | tail -n 20
    exit 1
}

# until_true SECONDS COMMAND...: repeats the command until it succeeds.
until_true() {
    local end=$((SECONDS + $1 * ${PATIENCE:-1}))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

# config NAME [LINE...]: writes NAME.cfg: a guest of $release (bookworm) with the quick image as its initrd,
# a shell on its console and the front ends of disks and networks. $memory, $vcpus and $end say more.
config() {
    local name=$1 kernel=/guest/${release:-bookworm}
    shift
    {
        echo "name='$name'"
        echo "memory=${memory:-128}"
        echo "vcpus=${vcpus:-1}"
        echo "kernel='$kernel/vmlinuz'"
        echo "ramdisk='$kernel/initrd'"
        echo "extra='console=hvc0 quiet domus.end=${end:-shell} domus.modules=ext4,xen-blkfront,xen-netfront'"
        printf '%s\n' "$@"
    } >"$name.cfg"
}

log_of() {
    echo "/var/log/xen/console/guest-$1.log"
}

# seen NAME TEXT [SECONDS]: waits until the guest's console has said it.
seen() {
    until_true "${3:-120}" grep -q -e "$2" "$(log_of "$1")" || fail "$1 does not say $2"
}

# create NAME [OPTION...]: starts the guest of NAME.cfg and waits for its shell.
create() {
    local name=$1
    shift
    : >"$(log_of "$name")"
    xl create "$@" "$name.cfg" || fail "no guest $name"
    seen "$name" 'DOMUS-TEST: end shell'
    sleep 1
}

# tell NAME COMMAND: types a line into the guest's console.
tell() {
    local tty
    tty=$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty") || fail "$1 has no console"
    echo "$2" >"$tty"
}

# ask NAME COMMAND: the same, and waits until the command has run; prints what it said. The count is in a file,
# since it may be called in a subshell.
ask() {
    local asked
    echo >>asked
    asked=$(wc -l <asked)
    tell "$1" "echo BEGIN-''$asked; $2; echo END-''$asked"
    seen "$1" "END-$asked"
    tr -d '\r' <"$(log_of "$1")" | sed -n "/^BEGIN-$asked\$/,/^END-$asked\$/p" | sed '1d;$d'
}

is_gone() {
    ! xl domid "$1"
}

# gone NAME: waits until the domain is not there any more, nor its entries in the store.
gone() {
    until_true 60 is_gone "$1" || fail "$1 does not go"
}
