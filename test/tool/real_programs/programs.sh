# What the programs do. To be read by bash: `prepare NAME FOLDER SIZE` makes what a program needs, `command_of NAME FOLDER SIZE`
# sets the array `command`, which is run with `input` as standard input, and `result_of NAME FOLDER` prints what of it must be
# the same whatever malloc is. SIZE is 1 for a short run, more for longer ones.

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
project=$(CDPATH='' cd -- "$here/../../.." && pwd -P)
programs=(example sqlite3 python3 git_log git_repack gcc redis)

needs_of() {
  case $1 in
    example) [[ -n ${EXAMPLE:-} ]] && echo "$EXAMPLE" ;;
    git_log | git_repack) echo git ;;
    gcc) echo g++ ;;
    redis) echo redis-server ;;
    *) echo "$1" ;;
  esac
}

title_of() {
  case $1 in
    example) echo "this project's main example" ;;
    sqlite3) echo "sqlite3 builds and queries a database" ;;
    python3) echo "python3 runs a script" ;;
    git_log) echo "git log -p of this repository" ;;
    git_repack) echo "git repack of this repository" ;;
    gcc) echo "gcc compiles a file" ;;
    redis) echo "redis-server and its benchmark" ;;
  esac
}

prepare() {
  local name=$1 folder=$2 size=$3
  mkdir -p "$folder"
  case $name in
    sqlite3) rm -f "$folder/database"
      sed "s/@rows@/$((size * 40000))/" "$here/queries.sql" >"$folder/queries.sql" ;;
    git_repack)
      if [[ ! -d $folder/packed ]]; then
        git -c safe.directory='*' clone -q --bare "$project" "$folder/packed"
        git -c safe.directory='*' -C "$folder/packed" repack -a -d -f -q
      fi
      rm -rf "$folder/repository"
      cp -r "$folder/packed" "$folder/repository" ;;
    *) ;;
  esac
}

command_of() {
  local name=$1 folder=$2 size=$3
  input=/dev/null
  case $name in
    example) command=("$EXAMPLE" --rounds "$size" "$project/README.md") ;;
    sqlite3) command=(sqlite3 "$folder/database") input=$folder/queries.sql ;;
    python3) command=(/usr/bin/python3 "$here/script.py" "$size") ;;
    git_log) command=(git -c safe.directory=* -C "$project" log -p "-$((size * 50))") ;;
    git_repack) command=(git -c safe.directory=* -C "$folder/repository" repack -a -d -f -q) ;;
    gcc) command=(g++ -std=c++17 -O1 -I "$project/include" -c "$here/compiled.cpp" -o "$folder/compiled.o") ;;
    redis) command=("$here/redis_session" "$folder" "$size") ;;
  esac
}

result_of() {
  local name=$1 folder=$2
  # The example tells times, too.
  if [[ $name == example ]]; then grep digest "$folder/output" || true; else cat "$folder/output"; fi
  case $name in
    sqlite3) sqlite3 "$folder/database" .dump | cksum ;;
    git_repack) git -c safe.directory='*' -C "$folder/repository" cat-file --batch-check --batch-all-objects | cksum
      git -c safe.directory='*' -C "$folder/repository" fsck --no-progress 2>&1 ;;
    gcc) cksum <"$folder/compiled.o" ;;
    *) ;;
  esac
}
