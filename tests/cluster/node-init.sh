#!/bin/bash
# The first process of a node's namespaces. node-init.sh NAME READY INIT HIERARCHY...
# Nothing of the machine is changed: every mount below is in the node's private mount namespace.
set -e
name=$1; ready=$2; init=$3; shift 3
mount --make-rprivate /; hostname "$name"
umount -R /sys/fs/cgroup
if [ "$*" = unified-only ]; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  for c in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$c" > /sys/fs/cgroup/cgroup.subtree_control || true
  done
else
  mount -t tmpfs -o mode=755 cgroup_root /sys/fs/cgroup
  for h in "$@"; do
    d=/sys/fs/cgroup/${h#name=}; mkdir "$d"
    case $h in
      unified) mount -t cgroup2 cgroup2 "$d";;
      name=*) mount -t cgroup -o "none,$h" cgroup "$d";;
      *) mount -t cgroup -o "$h" cgroup "$d"
         case $h in *,*) for c in ${h//,/ }; do ln -s "$h" "/sys/fs/cgroup/$c"; done;; esac;;
    esac
  done
fi
mount -t tmpfs run /run   # own sockets
mount --make-rshared /    # own peer group: mount propagation works inside the node
mkdir /run/sysctl         # global values that the kubelet wants: show them instead of setting them
for kv in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1; do
  f=/run/sysctl/$(echo "${kv%=*}" | tr / .); echo "${kv#*=}" > "$f"; mount --bind "$f" "/proc/sys/${kv%=*}"
done
ip link set lo up
sysctl -qw net.ipv4.conf.all.route_localnet=1 net.ipv4.ip_forward=1
ip route add unreachable 169.254.0.0/16   # fail at once instead of timing out
echo 'nameserver 127.0.0.1' > /run/resolv.conf; mount --bind /run/resolv.conf "$(readlink -f /etc/resolv.conf)" || true
echo ready > "$ready"
exec "$init"
