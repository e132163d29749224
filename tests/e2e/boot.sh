# Boot a device: run adbd or sshd as the only service of a new process namespace. The namespace ends with the service,
# and the kernel then ends all processes that the service has started, as Android's init does.
# Arguments: the folder of the device, the user id, the environment as NAME=VALUE words, and the command.
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
[ "$user" = 0 ] || as="--userspec=$user:$user" # without root, only user 0 exists
"$env" -i $variables "$chroot" ${as:-} "$folder/root" "$@" </dev/null &
wait $!
