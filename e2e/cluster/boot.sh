# The first process of a node, in namespaces of its own: boot NAME DIRECTORY.
name=$1 dir=$2

# A view of this network namespace's devices, with the machine's control groups in it.
mkdir -p "$dir/cgroup"
mount --rbind /sys/fs/cgroup "$dir/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$dir/cgroup" /sys/fs/cgroup

# Nothing of what runs on the machine is seen here: its engine, its systemd. And no name server answers, at once.
resolv=$(readlink -f /etc/resolv.conf)
mount -t tmpfs tmpfs /run
mkdir -p "$(dirname "$resolv")"
[ -e "$resolv" ] || : >"$resolv"
echo 'nameserver 127.0.0.1' >"$dir/resolv.conf"
mount --bind "$dir/resolv.conf" "$resolv"

hostname "$name"
echo ready
exec >&2

# Orphans come here, and wait takes leave of them.
while :; do
	sleep 3600 &
	wait
done
