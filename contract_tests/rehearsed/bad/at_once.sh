#!/bin/sh
# Tunes a model with curl and asks it a question. POLL_SECONDS is the time between two looks.
# Planted: it uses the model at once when the job succeeded: a model that is not there yet, or loads, is given no time.
set -eu
poll=${POLL_SECONDS:-10}
out=$(mktemp)
trap 'rm -f "$out" "$out.head"' EXIT
tag=run-$(date +%s)-$$

die() { echo "$*" >&2; exit 1; }
value() { python3 -c "import json; it = json.load(open('$out')); print($1)"; }
# call PATH [OPTION...]: sets $code, 000 when there was no whole answer
call() {
    url=$OPENAI_BASE_URL$1; shift
    code=$(curl -gsS -m 30 -o "$out" -D "$out.head" -w '%{http_code}' -H "Authorization: Bearer $OPENAI_API_KEY" "$@" "$url") || code=000
}
passing() {
    ! grep -q -e insufficient_quota -e daily_rate_limit_exceeded "$out" && case $code in 000|429|5??) true ;; *) false ;; esac
}
get() {
    for n in 1 2 3 4 5 6 7 8; do
        call "$@"
        [ "$code" = 200 ] && return
        passing || break
        hint=$(sed -n 's/^retry-after: \([0-9]*\).*/\1/p' "$out.head")
        sleep "${hint:-$poll}"
    done
    die "$1: $code $(cat "$out")"
}

get /files -F purpose=fine-tune -F "file=@$1;filename=train.jsonl"
file=$(value "it['id']")
until [ "$(value "it['status']")" = processed ]; do
    [ "$(value "it['status']")" != error ] || die "file $file: $(value "it['status_details']")"
    sleep "$poll"
    get "/files/$file"
done

for n in 1 2 3 4 5 6 7 8; do
    get "/fine_tuning/jobs?metadata[tag]=$tag"
    job=$(value "(it['data'] or [{'id': ''}])[0]['id']")
    [ -z "$job" ] || break
    call /fine_tuning/jobs -H 'Content-Type: application/json' \
        -d "{\"model\": \"gpt-4o-mini-2024-07-18\", \"training_file\": \"$file\", \"metadata\": {\"tag\": \"$tag\"}}"
    if [ "$code" = 200 ]; then job=$(value "it['id']"); break; fi
    passing || die "create: $code $(cat "$out")"
    sleep "$poll"
done
[ -n "$job" ] || die "the job could not be created: $code"

while get "/fine_tuning/jobs/$job"; do
    case $(value "it['status']") in
        succeeded) break ;;
        failed|cancelled) die "job $job: $(value "it['status'], it['error']")" ;;
    esac
    sleep "$poll"
done
get /chat/completions -H 'Content-Type: application/json' \
    -d "{\"model\": \"$(value "it['fine_tuned_model']")\", \"messages\": [{\"role\": \"user\", \"content\": \"What is 7 times 7?\"}]}"
value "it['choices'][0]['message']['content']"
