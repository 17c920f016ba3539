#!/bin/sh
# Makes deploy/secrets/ for compose.yaml: random ones for what is ours, empty files for what you get from providers.
# What is there already stays as it is.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
keep() { [ -e "secrets/$1" ] || cat > "secrets/$1"; }
random() { LC_ALL=C tr -dc 'A-Za-z0-9' < /dev/urandom | dd bs=1 count=40 2>/dev/null; }

random | keep jwt_secret
random | keep write_keys
random | keep redis_password
printf 'redis://:%s@redis:6379/0' "$(cat secrets/redis_password)" | keep redis_url
random | keep meta_verify_token
for provided in twilio_auth_token meta_app_secret meta_access_token relay_password; do
  keep "$provided" < /dev/null
done
# The containers read them as another user than you.
chmod 755 secrets
chmod 644 secrets/*
