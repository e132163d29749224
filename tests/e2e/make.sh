# Make the file system of a phone or a board in the current mount namespace, and keep it until the standard input is
# closed. The storage is thus independent of adbd, and survives a reboot.
# Arguments: the folder of the device, the folder with adbd or sshd, the size of the storage in bytes, the user id,
# `phone` or `board`, and the folders of this machine that a board can read.
set -eu
folder=$1 adbd=$2 storage=$3 user=$4 kind=$5
shift 5
root=$folder/root

show() { # mount a folder of this machine read-only at a path of the device
    mkdir -p "$root$2"
    mount --bind "$1" "$root$2"
    mount -o remount,bind,ro "$root$2"
}

mount -t tmpfs -o mode=755,size=8m device "$root"
mkdir "$root/dev" "$root/dev/pts" "$root/proc" "$root/data"
show "$adbd" /adbd
mkdir "$root/sys"
mount --rbind /sys "$root/sys"

for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"

mount -t tmpfs -o "mode=771,size=$storage" storage "$root/data"
mkdir -p "$root/data/local/tmp"
chown "$user:$user" "$root/data/local/tmp"
chmod 771 "$root/data/local/tmp"

if [ "$kind" = phone ]; then
    ln -s adbd/usr adbd/usr/lib adbd/usr/lib64 adbd/system system/bin stand-in/apex "$root"
    show "$folder/stand-in" /stand-in
    mkdir "$root/data/stand-in"
    chown "$user:$user" "$root/data/stand-in"
else
    for name in bin sbin lib lib32 lib64 libx32 usr etc; do
        if [ -L "/$name" ]; then
            cp -P "/$name" "$root/$name"
        elif [ -d "/$name" ]; then
            show "/$name" "/$name"
        fi
    done
    [ ! -e /etc/machine-id ] || mount --bind "$folder/machine-id" "$root/etc/machine-id"
    mkdir -m 1777 "$root/tmp" "$root/dev/shm"
    if [ -d "$folder/ssh" ]; then # a board with sshd: configuration, keys, users, and a home folder
        show "$folder/ssh" /ssh
        for name in passwd group shadow nsswitch.conf; do mount --bind "$folder/ssh/$name" "$root/etc/$name"; done
        mkdir -p -m 755 "$root/run/sshd" "$root/data/home/pi"
        chmod 755 "$root/data"
        chown 1000:1000 "$root/data/home/pi"
    fi
    for name in "$@"; do show "$name" "$name"; done
fi

echo made
exec cat >/dev/null
