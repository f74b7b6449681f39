#include "orchestrator/slurm.hpp"

#include <fmt/format.h>

#include <regex>

namespace phasegrid::orchestrator {
namespace {

// A word that the shell takes as it is.
std::string quoted(const std::string& text) {
  static const std::regex plain("[A-Za-z0-9_./:=+@%,-]+");
  if (std::regex_match(text, plain)) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string directives(const SlurmJob& job) {
  std::string text;
  const auto add = [&](const std::string& option) { text += "#SBATCH --" + option + "\n"; };
  add("job-name=" + job.name);
  add(fmt::format("nodes={}", job.nodes));
  add("ntasks-per-node=1            # one rank on each node; it starts one executor for each GPU, else for each core");
  if (job.gpus_per_node > 0) add(fmt::format("gpus-per-node={}", job.gpus_per_node));
  if (job.cpus_per_node > 0) add(fmt::format("cpus-per-task={}", job.cpus_per_node));
  else if (job.gpus_per_node > 0) add(fmt::format("cpus-per-task={}", 2 * job.gpus_per_node));
  else add("exclusive");
  add("time=" + job.time);
  if (!job.partition.empty()) add("partition=" + job.partition);
  if (!job.account.empty()) add("account=" + job.account);
  add("requeue                      # after the failure of a node");
  add("open-mode=append");
  add("signal=B:USR1@120            # a hint: the program asks Slurm for its time limit");
  if (job.shards > 1) add(fmt::format("array=1-{}", job.shards));
  add("output=" + job.name + (job.shards > 1 ? ".%A_%a.log" : ".%j.log"));
  return text;
}

std::string launch(const SlurmJob& job) {
  if (job.launcher == "srun")  // a rank that dies takes the others with it; the loop below starts them again
    return "srun --mpi=pmix --ntasks-per-node=1 --kill-on-bad-exit=1";
  return "mpirun -n \"$SLURM_JOB_NUM_NODES\" --map-by ppr:1:node --bind-to none --enable-recovery";
}

// Where this job's results go, and which of the cells are its own.
std::string share(const SlurmJob& job) {
  const std::string all = quoted(job.directory);
  if (job.shards == 1) return fmt::format("out={}\noptions=({})   # more options of `phasegrid run`\n", all, job.options);
  return fmt::format(
      "all={}\n"
      "shards={}   # each in its own folder, $all.shard-1 and so on; the last one to be done joins them in $all\n"
      "out=$all.shard-$SLURM_ARRAY_TASK_ID\n"
      "options=(--shard \"$SLURM_ARRAY_TASK_ID/$shards\" {})   # more options of `phasegrid run`\n",
      all, job.shards, job.options);
}

constexpr const char* kBody = R"SH(
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-}   # else a step on another node, and mpirun's daemon is one, gets one core
[ -n "$SRUN_CPUS_PER_TASK" ] || unset SRUN_CPUS_PER_TASK
most_in_vain=3 launcher="" leaving="" next=""
me=${SLURM_ARRAY_TASK_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
me=${me:-$SLURM_JOB_ID}
mkdir -p "$out/log"

say() { echo "$(date -u +%FT%TZ) job $me: $*"; }
about() { "$program" status "$out" --json 2>/dev/null | sed -n "s/,$//; s/^ \"$1\": \"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p"; }
is_done() {  # the run folder knows, whatever mpirun's exit code says
  "$program" status "$out" --exit-code >/dev/null 2>&1
  code=$?
  [ $code -eq 0 ] || [ $code -eq 3 ]
}

# The next job waits for the end of this one, whatever that end is. It is queued first of all, so that nothing has to happen later.
# A job that was requeued has its next one already.
queue_next() {
  next=$(squeue -h -u "$(id -un)" -n "$SLURM_JOB_NAME" -t PENDING -o '%i %E' | sed -n "s/^\([0-9]*\)[^ ]* afterany:$me\b.*/\1/p" | head -n 1)
  [ -z "$next" ] || return
  local variables
  mapfile -t variables < <(compgen -e | grep '^S\(LURM\|BATCH\)_' | grep -v '^SLURM_CONF$' | sed 's/^/--unset=/')
  next=$(env "${variables[@]}" sbatch --parsable --dependency="afterany:$me" ${SLURM_ARRAY_TASK_ID:+--array=$SLURM_ARRAY_TASK_ID} "$0") && next=${next%%;*} ||
    say "the next job cannot be queued from here: submit this script again when this job has ended"
}
drop_next() { [ -z "$next" ] || scancel "$next"; }

# Two shards that are done at the same moment do no harm: one of them is refused, and joining again changes nothing.
join_shards() {
  local shard folders=()
  for shard in $(seq "$shards"); do
    folders+=("$all.shard-$shard")
    "$program" status "${folders[-1]}" --exit-code >/dev/null 2>&1
    case $? in 0 | 3) ;; *) return ;; esac
  done
  "$program" merge "${folders[@]}" -o "$all"
}

finish() {
  drop_next
  rm -f "$out/log/slurm"
  [ -z "${shards:-}" ] || join_shards
  say "$(about sweep) is done: $out/results.h5"
  [ $code -eq 0 ] || say "some cells failed: $program status $out"
  exit $code
}

# Lives of the coordinator in a row that recorded no cell and got no cell further. A chain of jobs that gets nowhere must end.
count_lives() {
  local before=-1 in_vain=-1 recorded
  recorded=$(about progress)
  recorded=${recorded:-0}
  [ ! -f "$out/log/slurm" ] || read -r before in_vain <"$out/log/slurm"
  if [ "$recorded" -gt "$before" ]; then in_vain=0; else in_vain=$((in_vain + 1)); fi
  echo "$recorded $in_vain" >"$out/log/slurm.$SLURM_JOB_ID" && mv "$out/log/slurm.$SLURM_JOB_ID" "$out/log/slurm"
  [ "$in_vain" -lt "$most_in_vain" ] && return
  rm "$out/log/slurm"
  drop_next
  say "$most_in_vain starts in a row have recorded no cell and taken no checkpoint: giving up. Why: the lines above and $out/log/coordinator.log"
  exit 1
}

# After the failure of a node the job begins again elsewhere, and its old self may still run: it is let finish what it can.
wait_for_others() {
  local user tries=0
  while user=$(about in_use_by); [ -n "$user" ] && [ $tries -lt 180 ] && [ -z "$leaving" ]; do
    [ $tries -gt 0 ] || say "waiting: the folder is in use by $user"
    tries=$((tries + 1))
    sleep 5 & wait $!
  done
}

# Open MPI's mpirun may stay for ever once a rank was lost: it is ended when nobody coordinates the folder any more.
watch() {
  local seen="" alone=0
  while sleep "${PHASEGRID_WATCH_SECONDS:-30}"; kill -0 "$launcher" 2>/dev/null; do
    if [ -n "$(about in_use_by)" ]; then seen=yes alone=0; else alone=$((alone + 1)); fi
    if [ $alone -ge 10 ] || { [ -n "$seen" ] && [ $alone -ge 2 ]; }; then
      kill "$launcher" 2>/dev/null
      sleep 10
      kill -KILL "$launcher" 2>/dev/null
    fi
  done
}

run() {
  "${launch[@]}" "$program" run "$sweep" -o "$out" "${options[@]}" &
  launcher=$!
  watch &
  local watcher=$!
  while kill -0 "$launcher" 2>/dev/null; do wait "$launcher"; done   # a signal interrupts the wait
  launcher=""
  { kill "$watcher" && wait "$watcher"; } 2>/dev/null
}

trap '[ -z "$launcher" ] || kill -USR1 "$launcher" 2>/dev/null' USR1
trap 'leaving=yes; [ -z "$launcher" ] || kill -TERM "$launcher" 2>/dev/null' TERM

queue_next
is_done && finish
while [ -z "$leaving" ]; do
  wait_for_others
  is_done && finish
  count_lives
  run
  is_done && finish
  ended=$(about ended)
  case $ended in *deadline* | *signal*) break ;; esac   # else the launcher or a node failed: again, in the time that is left
  say "the run ended before its time (${ended:-without a word}); starting it again"
  sleep 5
done
say "stopped in time (${ended:-signal}); job ${next:-submitted by hand} does the rest"
exit 0
)SH";

}  // namespace

bool is_slurm_time(const std::string& text) {
  static const std::regex forms(R"(\d{1,6}|\d{1,6}:\d\d?(:\d\d?)?|\d{1,4}-\d\d?(:\d\d?){0,2})");
  return std::regex_match(text, forms);
}

std::string slurm_script(const SlurmJob& job) {
  return fmt::format(
             "#!/bin/bash\n"
             "{}\n"
             "# Runs a phasegrid sweep in jobs of at most {} each, one after another, until every cell has a result; submit it once, with\n"
             "# sbatch. A job may be stopped, killed or requeued at any time: finished cells are kept. To end it all: scancel --name={}\n"
             "# Printed by `phasegrid slurm`; docs/cluster.md says more.\n"
             "\n"
             "program={}\n"
             "sweep={}\n"
             "launch=({})\n"
             "{}",
             directives(job), job.time, job.name, quoted(job.program), quoted(job.sweep), launch(job), share(job)) +
         kBody;
}

}  // namespace phasegrid::orchestrator
