# A day of an ordinary server, 2026-11-23: people and programs at work, nothing wrong.
function stamp(s) { return sprintf("Nov 23 %02d:%02d:%02d", s / 3600, s / 60 % 60, s % 60) }
function web(s, ip, req, code) { printf "%s - - [23/Nov/2026:%02d:%02d:%02d +0000] \"%s HTTP/1.1\" %d %d \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"\n", ip, s / 3600, s / 60 % 60, s % 60, req, code, 200 + s % 5000 }
BEGIN {
    split("/ /index.html /css/site.css /js/app.js /images/logo.png /api/v1/items?page=2&sort=name /api/v1/session /docs/select-a-plan /blog/union-of-two-worlds /search?q=script+writing /download/cat.zip /login", page, " ")
    for (s = 0; s < 86400; s += 30) {
        if (s % 300 == 0) {
            printf "%s web1 CRON[%d]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)\n", stamp(s), 1000 + s / 30
            printf "%s web1 CRON[%d]: (root) CMD (command -v debian-sa1 > /dev/null && debian-sa1 1 1)\n", stamp(s), 1001 + s / 30
            printf "%s web1 CRON[%d]: pam_unix(cron:session): session closed for user root\n", stamp(s), 1000 + s / 30
            printf "2026-11-23 %02d:%02d:00.123 UTC [812] LOG:  checkpoint starting: time\n", s / 3600, s / 60 % 60
            printf "2026-11-23 %02d:%02d:04.456 UTC [812] LOG:  checkpoint complete: wrote 42 buffers (0.3%%); 0 WAL file(s) added, 0 removed, 0 recycled\n", s / 3600, s / 60 % 60
        }
        if (s % 3600 == 0) {
            printf "%s web1 systemd[1]: Starting logrotate.service - Rotate log files...\n", stamp(s)
            printf "%s web1 systemd[1]: logrotate.service: Deactivated successfully.\n", stamp(s)
            printf "%s web1 systemd[1]: Finished logrotate.service - Rotate log files.\n", stamp(s)
            printf "%s web1 named[700]: client @0x7f 192.0.2.53#5353 (www.example.com): query: www.example.com IN A + (192.0.2.1)\n", stamp(s)
            printf "%s web1 postfix/qmgr[900]: 4AB12C: from=<root@web1.example.com>, size=812, nrcpt=1 (queue active)\n", stamp(s)
            printf "%s web1 postfix/smtp[901]: 4AB12C: to=<ops@example.com>, relay=mx.example.com[192.0.2.25]:25, delay=0.4, status=sent (250 2.0.0 Ok)\n", stamp(s)
        }
        if (s >= 28800 && s < 64800 && s % 2700 == 0) {
            p = 40000 + s / 30
            printf "%s web1 sshd[%d]: Accepted publickey for alice from 192.0.2.10 port %d ssh2: ED25519 SHA256:abcdef\n", stamp(s), p, p
            printf "%s web1 sshd[%d]: pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)\n", stamp(s), p
            printf "%s web1 systemd-logind[500]: New session %d of user alice.\n", stamp(s), s / 100
            printf "%s web1 sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/apt upgrade\n", stamp(s + 20)
            printf "%s web1 sudo: pam_unix(sudo:session): session opened for user root(uid=0) by alice(uid=1000)\n", stamp(s + 20)
            printf "%s web1 sudo: pam_unix(sudo:session): session closed for user root\n", stamp(s + 25)
            printf "%s web1 sshd[%d]: Received disconnect from 192.0.2.10 port %d:11: disconnected by user\n", stamp(s + 28), p, p
            printf "%s web1 sshd[%d]: Disconnected from user alice 192.0.2.10 port %d\n", stamp(s + 28), p, p
            printf "%s web1 sshd[%d]: pam_unix(sshd:session): session closed for user alice\n", stamp(s + 28), p
        }
        if (s == 36000) {
            printf "%s web1 sshd[4711]: Failed password for bob from 192.0.2.11 port 50111 ssh2\n", stamp(s)
            printf "%s web1 sshd[4711]: Accepted password for bob from 192.0.2.11 port 50111 ssh2\n", stamp(s + 9)
            printf "%s web1 sudo:    bob : 1 incorrect password attempt ; TTY=pts/1 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/systemctl reload nginx\n", stamp(s + 20)
            print "2026-11-23 10:00:30 upgrade openssl:amd64 3.0.14-1~deb12u1 3.0.15-1~deb12u1"
            print "2026-11-23 10:00:31 status installed openssl:amd64 3.0.15-1~deb12u1"
            printf "%s web1 kernel: [90000.1] veth1a2b: entered promiscuous mode\n", stamp(s + 60)
        }
        web(s, "198.51.100." (s / 30 % 200 + 1), "GET " page[s / 30 % 12 + 1], 200)
        if (s % 600 == 0) web(s + 1, "198.51.100." (s / 600 % 200 + 1), "GET /favicon.ico", 404)
        if (s % 7200 == 0) web(s + 2, "198.51.100.7", "POST /api/v1/session", 401)
        if (s % 900 == 0) printf "%s web1 kernel: [%d.5] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=198.51.100.%d DST=192.0.2.1 LEN=40 TOS=0x00 PREC=0x00 TTL=244 ID=1 PROTO=TCP SPT=4022 DPT=23 WINDOW=1024\n", stamp(s), s, s / 900 % 200 + 1
    }
}
