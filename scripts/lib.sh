# shellcheck shell=bash
# What the scripts share: sourced, not run.

# shellcheck disable=SC2034  # the lists are for the scripts that source this
# What the build needs, beside a Swift toolchain.
build_packages=(git libdw-dev libelf-dev libiberty-dev libseccomp-dev libsqlite3-dev pkg-config)
# What the tests need beside that: oracles to compare with, programs and containers to record.
# shellcheck disable=SC2034
test_packages=(
    linux-perf docker.io podman runc busybox-static binutils g++ python3 python3-jsonschema sqlite3 libgoogle-glog-dev
    sysbench strace libdebuginfod1 stress-ng
)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

need_swift() {
    command -v swift >/dev/null ||
        fail "there is no 'swift' in PATH. Install Swift 6.3 (see swift.org/install) and put its usr/bin into PATH."
    local version
    version=$(swift --version 2>/dev/null) || fail "'swift --version' fails; the Swift toolchain is not whole."
    [[ $version =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]] || fail "cannot read the Swift version from: $version"
    ((BASH_REMATCH[1] * 100 + BASH_REMATCH[2] >= 602)) ||
        fail "Swift ${BASH_REMATCH[1]}.${BASH_REMATCH[2]} is too old; 6.2 or newer is needed."
}

need_root() {
    ((EUID == 0)) || fail "recording cgroups needs root; run it as: sudo --preserve-env=PATH $0"
}

# Perf events may be missing from the kernel, or kept from root in a container.
need_perf_events() {
    [[ -e /proc/sys/kernel/perf_event_paranoid ]] ||
        fail "this kernel has no perf events (CONFIG_PERF_EVENTS), or /proc is not mounted."
    local name mask=0 rest
    while read -r name mask rest; do [[ $name == CapEff: ]] && break; done </proc/self/status
    # Bit 21 is CAP_SYS_ADMIN, bit 38 CAP_PERFMON.
    (((16#$mask >> 21 | 16#$mask >> 38) & 1)) ||
        fail "root has neither CAP_PERFMON nor CAP_SYS_ADMIN here: perf events are not permitted." \
            "In a container, run it with --privileged."
}

# Installs those of the packages that are missing.
need_packages() {
    local package missing=()
    command -v dpkg-query apt-get >/dev/null ||
        fail "no dpkg and apt-get here. On Debian 12 these packages are needed: $*"
    for package in "$@"; do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    ((EUID == 0)) || fail "these packages are missing and only root can install them: ${missing[*]}"
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # Standard output belongs to what the script prints, standard input to nobody.
    {
        apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"
    } </dev/null >&2 || fail "apt-get cannot install: ${missing[*]}"
}

# Prints where the hierarchy that carries perf_event is mounted: a v1 one that has it, else the v2 tree.
perf_cgroup_root() {
    local root
    root=$(awk '{
        for (i = 7; i < NF && $i != "-"; i++);
        if ($(i + 1) == "cgroup" && ("," $(i + 3) ",") ~ /,perf_event,/ && v1 == "") v1 = $5
        if ($(i + 1) == "cgroup2" && v2 == "") v2 = $5
    } END { print v1 != "" ? v1 : v2 }' /proc/self/mountinfo)
    [[ -n $root ]] || fail "no cgroup hierarchy that carries perf_event is mounted."
    printf '%b\n' "$root" # mountinfo writes a space as \040
}

own_processes=()
own_cgroups=()
own_directories=()

# Ends what this script has started and removes what it has made, however it ends.
clean_up() {
    trap '' INT TERM HUP # a second Ctrl-C must not leave half of it
    local process cgroup directory try
    for process in "${own_processes[@]}"; do kill -TERM "$process" 2>/dev/null || true; done
    for process in "${own_processes[@]}"; do wait "$process" 2>/dev/null || true; done
    for cgroup in "${own_cgroups[@]}"; do
        # A cgroup can be removed only when its last process is gone; all in it are children of ours.
        for ((try = 0; try < 50; try++)); do
            while read -r process; do kill -KILL "$process" 2>/dev/null || true; done \
                < <(cat "$cgroup/cgroup.procs" 2>/dev/null)
            rmdir "$cgroup" 2>/dev/null && break
            [[ -d $cgroup ]] || break
            sleep 0.1
        done
        [[ ! -d $cgroup ]] || say "could not remove $cgroup"
    done
    for directory in "${own_directories[@]}"; do rm -rf -- "$directory"; done
}

clean_up_at_exit() {
    trap clean_up EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# Makes the cgroup $1; one that a killed run left empty is taken over.
make_cgroup() {
    [[ ! -d $1 ]] || rmdir "$1" 2>/dev/null || fail "the cgroup $1 exists and is in use; is another run going on?"
    mkdir "$1" || fail "cannot make the cgroup $1: is the cgroup file system mounted read-only?"
    own_cgroups+=("$1")
}

# Starts a command in the background; it is ended with the script.
start() {
    "$@" &
    own_processes+=("$!")
}

# Runs a command to its end. In the background, because bash sees a signal only between foreground commands.
run() {
    start "$@"
    wait "$!"
}
