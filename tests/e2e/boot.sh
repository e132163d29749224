# Boots a device: runs adbd as the one service of a process namespace of its own. When adbd ends, the namespace does,
# and the kernel ends all that adbd has started, as Android's init does.
# Arguments: the phone's folder, the user id, the environment as NAME=VALUE words, the command.
set -eu
folder=$1 user=$2
shift 2
env=$(command -v env) chroot=$(command -v chroot)
mount -t proc proc "$folder/root/proc"
mount --bind "$folder/boot_id" "$folder/root/proc/sys/kernel/random/boot_id"
[ ! -f "$folder/meminfo" ] || mount --bind "$folder/meminfo" "$folder/root/proc/meminfo"
variables=
while case $1 in *=*) true ;; *) false ;; esac do
    variables="$variables $1"
    shift
done
cd /
[ "$user" = 0 ] || as="--userspec=$user:$user" # without root there is no other user than 0
"$env" -i $variables "$chroot" ${as:-} "$folder/root" "$@" </dev/null &
wait $!
