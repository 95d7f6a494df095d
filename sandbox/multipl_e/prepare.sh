# PHP as the publishers had it, where npm's package was fetched; Debian's is there without it.
set -eu
if [ -d /usr/local/lib/node_modules/@php-wasm/node-7-4 ]; then
    ln -sf "$PWD/php_7_4.js" /usr/local/bin/php
fi
