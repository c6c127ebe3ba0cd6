# Sourced by bench/run and bench/outlines: `environment VENV REQUIREMENTS` installs Python packages once, and again when
# the list of them has changed.
environment() {
    local venv=$1 requirements=$2
    local stamp=$venv/installed
    if ! cmp --silent "$requirements" "$stamp"; then
        python3 -m venv "$venv"
        if ! "$venv/bin/pip" install --quiet --requirement "$requirements"; then
            echo "$0: not all of these versions are to be had; taking the newest" >&2
            sed 's/==.*//' "$requirements" | "$venv/bin/pip" install --quiet --requirement /dev/stdin
        fi
        cp "$requirements" "$stamp"
    fi
}
