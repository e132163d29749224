# Run a command until it ends, or until the process that started this script ends, which closes the standard input.
exec 3<&0
"$@" </dev/null 3<&- &
command=$!
{ cat; kill -KILL $command; } <&3 >/dev/null 2>&1 &
watch=$!
wait $command
code=$?
kill $watch 2>/dev/null
exit $code
