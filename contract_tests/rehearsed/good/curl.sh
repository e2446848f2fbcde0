#!/bin/sh
# Tunes a model with curl and asks it a question, through whatever can be survived. python3 only takes JSON apart.
# What makes something is looked for before it is made again; what no waiting helps ends it with the service's own words.
# POLL_SECONDS is the time between two looks.
set -eu
data=$1
poll=${POLL_SECONDS:-10}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run=$(basename "$work" | tr -dc 'A-Za-z0-9')-$$

fail() { echo "$*" >&2; exit 1; }

# value EXPRESSION: of the last answer, which it calls `it`
value() { python3 -c 'import json, sys; it = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/body" "$1"; }

# request PATH [OPTION...]: 0 when there is an answer in $work/body, 1 when later may go better; else it ends the script.
# Statuses in $also are waited through too.
request() {
    path=$1; shift
    status=$(curl -sS -g --max-time 30 -o "$work/body" -D "$work/head" -w '%{http_code}' \
        -H "Authorization: Bearer $OPENAI_API_KEY" "$@" "$OPENAI_BASE_URL$path" 2>"$work/err") || status=000
    case " 000 408 409 429 ${also:-} " in
        *" $status "*) ;;
        *)  case $status in
                2*) value it >/dev/null 2>&1 && return 0 ;;
                5*) ;;
                *) fail "$status: $(cat "$work/body")" ;;
            esac ;;
    esac
    if grep -q -e insufficient_quota -e daily_rate_limit_exceeded "$work/body" 2>/dev/null; then
        fail "$status: $(cat "$work/body")"
    fi
    return 1
}

# again TRY: waits before the next one, longer each time, at least as long as the service asks for
again() {
    [ "$1" -lt 60 ] || fail "no answer after $1 tries: $status $(cat "$work/err" "$work/body" 2>/dev/null)"
    hint=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9.]*\).*/\1/p' "$work/head" 2>/dev/null | head -n 1)
    sleep "$(python3 -c 'import sys; print(max(float(sys.argv[2] or 0), float(sys.argv[3]) * min(2 ** int(sys.argv[1]), 8) / 8))' \
        "$1" "${hint:-0}" "$poll")"
    : >"$work/body"; : >"$work/head"
}

get() { n=0; until request "$@"; do again $n; n=$((n + 1)); done; }

# made LIST EXPRESSION PATH [OPTION...]: what is mine in the list, and is made when it is not there
made() {
    list=$1; mine=$2; shift 2
    t=0
    while :; do
        get "$list"
        id=$(value "next((one['id'] for one in it['data'] if $mine), '')")
        [ -z "$id" ] || return 0
        if request "$@"; then id=$(value "it['id']"); return 0; fi
        again $t; t=$((t + 1))
    done
}

made "/files?purpose=fine-tune" "one['filename'] == '$run.jsonl'" \
    /files -F purpose=fine-tune -F "file=@$data;filename=$run.jsonl"
file=$id
while :; do
    get "/files/$file"
    case $(value "it['status']") in
        processed) break ;;
        error | deleted) fail "file $file: $(value "it['status_details']")" ;;
    esac
    sleep "$poll"
done

made "/fine_tuning/jobs?limit=100&metadata[run]=$run" "(one['metadata'] or {}).get('run') == '$run'" \
    /fine_tuning/jobs -H 'Content-Type: application/json' -d "{\"model\": \"gpt-4o-mini-2024-07-18\",
        \"training_file\": \"$file\", \"metadata\": {\"run\": \"$run\"}}"
job=$id
while :; do
    get "/fine_tuning/jobs/$job"
    case $(value "it['status']") in
        succeeded) break ;;
        failed | cancelled) fail "job $job: $(value "(it['status'], it['error'])")" ;;
    esac
    sleep "$poll"
done
model=$(value "it['fine_tuned_model']")

steps=0 after=
while :; do
    get "/fine_tuning/jobs/$job/events?limit=100$after"
    steps=$((steps + $(value "sum(one['type'] == 'metrics' for one in it['data'])")))
    [ "$(value "it['has_more']")" = True ] || break
    after="&after=$(value "it['data'][-1]['id']")"
done
echo "$steps steps"

also=404 get /chat/completions -H 'Content-Type: application/json' \
    -d "{\"model\": \"$model\", \"messages\": [{\"role\": \"user\", \"content\": \"What is 7 times 7?\"}]}"
value "it['choices'][0]['message']['content']"
