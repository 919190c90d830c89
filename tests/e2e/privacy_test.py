#!/usr/bin/python3
"""What docs/operations.md says about privacy: the lake has what came in, the store neither addresses nor agents, and the map of
the document for nginx cuts addresses."""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cask
from beacons_test import BROWSER, view
from cask import equal

CONFIG = """
sites: [{name: www.example.org}]
trusted_proxies: [127.0.0.1, '::1']
"""
NGINX = """
daemon off; worker_processes 1; error_log stderr; pid nginx.pid;
events {}
http {
    access_log off; client_body_temp_path .; proxy_temp_path .; fastcgi_temp_path .; uwsgi_temp_path .; scgi_temp_path .;
    real_ip_header X-Test-Address; set_real_ip_from 127.0.0.1;
    %s
    server {
        listen 127.0.0.1:%d;
        location / { proxy_pass http://127.0.0.1:%d; %s }
    }
}
"""


def documented():
    with open(os.path.join(cask.ROOT, "docs", "operations.md"), encoding="utf-8") as f:
        text = f.read().split("\n## Privacy\n", 1)[1]
    block = re.search(r"\n```nginx\n(.*?)```", text, re.S)[1]
    return block.split("# ")[0], re.search(r"# (proxy_set_header .*)", block)[1]


def test_what_is_kept_and_what_a_proxy_cuts():
    if not shutil.which("nginx"):
        raise cask.Skip("needs nginx")
    data = cask.Data(CONFIG)
    server = cask.Server(data)
    folder, port, (mapping, header) = cask.temp_dir(), cask.free_port(), documented()
    cask.write(folder, "nginx.conf", NGINX % (mapping, port, server.port, header))
    nginx = subprocess.Popen(["nginx", "-p", folder, "-c", "nginx.conf", "-e", "stderr"], cwd=folder,
                             stderr=open(os.path.join(folder, "log"), "wb"))
    try:
        proxy = cask.Server.__new__(cask.Server)
        proxy.port = port

        def send(to, page, **address):
            headers = {"User-Agent": BROWSER, **{k.replace("_", "-"): v for k, v in address.items()}}
            return to.request("POST", "/api/event", json.dumps(view(page)), headers).status

        def up():
            try:
                return proxy.request("GET", "/healthz").status == 200
            except OSError:
                return False

        cask.wait_for(up)
        equal(send(server, "/whole", X_Forwarded_For="198.51.100.23"), 204)
        for i, address in enumerate(("192.0.2.77", "192.0.2.78", "2001:db8:77:88::99", "2001:db8:aa:bb::cc", "::ffff:1")):
            equal(send(proxy, f"/cut{i}", X_Test_Address=address), 204, address)
    finally:
        nginx.terminate()
        nginx.wait(60)
    rows = server.query(metrics="visitors", site="www.example.org", filter="path~^/cut")
    equal(rows["total"]["visitors"], 3, "one a network")
    equal(server.stop(), 0)
    lake = data.run("lake", "cat").stdout
    for kept in (b"198.51.100.23", b"192.0.2.0", b"2001:db8::", BROWSER.encode()):
        assert kept in lake, kept
    for cut in (b"192.0.2.7", b"2001:db8:", b"::99"):
        assert cut not in lake.replace(b"2001:db8::", b""), cut
    columns = data.run("sql", "SELECT * FROM events", "--format", "JSONEachRow").stdout
    assert b"/cut4" in columns
    for absent in (b"198.51.100.23", b"192.0.2.0", b"AppleWebKit"):
        assert absent not in columns, absent
    equal(os.stat(data.path).st_mode & 0o777, 0o700)


if __name__ == "__main__":
    cask.main(globals())
