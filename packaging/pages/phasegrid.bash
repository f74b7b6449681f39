# bash completion of phasegrid. Made by packaging/pages.py from --help.
_phasegrid() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} options=""
  COMPREPLY=()
  if [ $COMP_CWORD -eq 1 ]; then
    COMPREPLY=($(compgen -W "plan run status explain top report merge analyze cell apply sample bench verify slurm -h --help --version" -- "$word"))
    return
  fi
  case "$verb $before" in
    "plan --device") COMPREPLY=($(compgen -W "auto cpu cuda" -- "$word")); return ;;
    "run --device") COMPREPLY=($(compgen -W "auto cpu cuda" -- "$word")); return ;;
    "cell --device") COMPREPLY=($(compgen -W "auto cpu cuda" -- "$word")); return ;;
    "apply --precision") COMPREPLY=($(compgen -W "float32 float64" -- "$word")); return ;;
    "slurm --launcher") COMPREPLY=($(compgen -W "mpirun srun" -- "$word")); return ;;
  esac
  case $verb in
    plan) options="-h --help --device --workers --json" ;;
    run) options="-h --help -o --output --slots --threads --device --device-kind --fast-gemm --retry --deadline --pack --attempts --hang-limit --cell-limit --shard --canary --disk-wait --checkpoint --scratch --accept-mixed" ;;
    status) options="-h --help --json --missing --exit-code" ;;
    explain) options="-h --help" ;;
    top) options="-h --help --every --once" ;;
    report) options="-h --help -o --output" ;;
    merge) options="-h --help -o --output --accept-mixed" ;;
    analyze) options="-h --help --json --level --bootstrap" ;;
    cell) options="-h --help --device --device-kind --fast-gemm --threads --weights --curve --json" ;;
    apply) options="-h --help -o --output --precision --gradients" ;;
    sample) options="-h --help --set --count --seed --json" ;;
    bench) options="-h --help" ;;
    verify) options="-h --help --task --variant --kappa --nu --T --seed --examples --json" ;;
    slurm) options="-h --help -o --output --nodes --gpus-per-node --cpus-per-node --time --partition --account --launcher --shards --program --run-options" ;;
  esac
  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$word")); else COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -o filenames -F _phasegrid phasegrid
