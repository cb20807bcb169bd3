//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// each is a line for each backend: its number and port are put into the format.
func each(to []int, format string) string {
	var b strings.Builder
	for i, port := range to {
		fmt.Fprintf(&b, format, i, port)
	}
	return b.String()
}

func fairleadFile(_ *peer, to []int) string {
	return "http:\n  routers:\n    bench:\n      rule: Host(`bench.example.com`)\n      service: bench\n" +
		"  services:\n    bench:\n      loadBalancer:\n        sticky:\n          cookie: {httpOnly: true}\n        servers:\n" +
		each(to, "          - url: http://127.0.0.1:%[2]d\n")
}

// nginxFile is one worker that keeps connections on both sides, hands bodies on as they come, as
// the others do, and keeps answers in memory.
func nginxFile(p *peer, to []int) string {
	return fmt.Sprintf(`daemon off;
worker_processes 1;
user root;
pid %[1]s/nginx.pid;
worker_rlimit_nofile 20000;
events { worker_connections 10000; }
http {
  access_log off;
  server_tokens off;
  keepalive_timeout 300s;
  keepalive_requests 100000000;
  client_max_body_size 0;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  scgi_temp_path %[1]s/scgi;
  uwsgi_temp_path %[1]s/uwsgi;
  upstream bench {
    hash $cookie_x consistent;
%[2]s    keepalive 256;
    keepalive_requests 100000000;
    keepalive_timeout 300s;
  }
  server {
    listen 127.0.0.1:%[3]d backlog=4096;
    server_name bench.example.com;
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }
  }
}
`, filepath.Dir(p.path), each(to, "    server 127.0.0.1:%[2]d;\n"), p.port)
}

func haproxyFile(p *peer, to []int) string {
	return fmt.Sprintf(`global
  nbthread 1
  maxconn 8000
defaults
  mode http
  no log
  option forwardfor
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
frontend bench
  bind 127.0.0.1:%[1]d backlog 4096
  http-request set-header X-Real-IP %%[src]
  http-request set-header X-Forwarded-Proto http
  use_backend bench if { hdr(host) -i bench.example.com }
backend bench
  balance roundrobin
  cookie SRV insert indirect nocache
%[2]s`, p.port, each(to, "  server b%[1]d 127.0.0.1:%[2]d cookie b%[1]d\n"))
}
