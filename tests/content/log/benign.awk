# A day of an ordinary server, 2026-11-23: people and programs at work, nothing wrong.
function stamp(s) { return sprintf("Nov 23 %02d:%02d:%02d", s / 3600, s / 60 % 60, s % 60) }
function web(s, ip, req, code) { printf "%s - - [23/Nov/2026:%02d:%02d:%02d +0000] \"%s HTTP/1.1\" %d %d \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"\n", ip, s / 3600, s / 60 % 60, s % 60, req, code, 200 + s % 5000 }
BEGIN {
    split("/ /index.html /css/site.css /js/app.js /images/logo.png /api/v1/items?page=2&sort=name /api/v1/session /docs/select-a-plan /blog/union-of-two-worlds /search?q=script+writing /download/cat.zip /login", page, " ")
    # What looks like an attack and is none: words of SQL and of a shell in a search, manual pages, API paging.
    split("/man/etc/passwd.5.html /wiki/Etc/Passwd /search?q=union%20select%20committee /search?q=select+a+plan+from+the+union /blog/Benchmark(tm) /sleep(8)-tips /search?q=bash+shell;cat+pictures /search?q=%22bonnie%22+and+%22clyde%22 /items?fields=id|name|title /redirect?url=https%3A%2F%2Fexample.com%2Fa /search?q=how+to+order+by+10+dollars /share?text=It's%20--%20nice /template?x={{user.name}} /docs/exec(3).html /search?q=drop+table+leaf /search?q=what+is+/etc/passwd", odd, " ")
    odds = 16
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
        if (s % 1800 == 0) web(s + 3, "198.51.100.33", "GET " odd[s / 1800 % odds + 1], 200)
        if (s % 21600 == 7200) {
            for (i = 0; i < 14; i++) web(s + 4, "198.51.100.44", "GET /images/gone" i ".png", 404)
            for (i = 0; i < 10; i++) web(s + 5 + i, "198.51.100.45", "GET /api/v1/items?page=" i, 401)
            for (i = 0; i < 35; i++) printf "%s web1 kernel: [%d.7] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=10.0.0.8 DST=224.0.0.251 LEN=68 TOS=0x00 PREC=0x00 TTL=255 ID=0 DF PROTO=UDP SPT=5353 DPT=5353 LEN=48\n", stamp(s + i), s
            for (i = 0; i < 35; i++) printf "%s web1 kernel: [%d.7] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=10.0.0.9 DST=192.0.2.1 LEN=68 TOS=0x00 PREC=0x00 TTL=255 ID=0 DF PROTO=UDP SPT=40000 DPT=161 LEN=48\n", stamp(s + i), s
        }
        if (s == 43200) {
            # a key agent with eight keys; a forgotten password, twice three times, then remembered
            for (i = 0; i < 8; i++) printf "%s web1 sshd[5000]: Failed publickey for carol from 192.0.2.12 port 50200 ssh2: RSA SHA256:key%d\n", stamp(s + i), i
            printf "%s web1 sshd[5000]: Accepted publickey for carol from 192.0.2.12 port 50200 ssh2: RSA SHA256:key9\n", stamp(s + 9)
            for (i = 0; i < 2; i++) {
                printf "%s web1 sshd[5001]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.13  user=dave\n", stamp(s + 20 + i * 20)
                printf "%s web1 sshd[5001]: Failed password for dave from 192.0.2.13 port 50300 ssh2\n", stamp(s + 21 + i * 20)
                printf "%s web1 sshd[5001]: message repeated 2 times: [ Failed password for dave from 192.0.2.13 port 50300 ssh2]\n", stamp(s + 25 + i * 20)
                printf "%s web1 sshd[5001]: Connection closed by authenticating user dave 192.0.2.13 port 50300 [preauth]\n", stamp(s + 26 + i * 20)
                printf "%s web1 sshd[5001]: PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.13  user=dave\n", stamp(s + 26 + i * 20)
            }
            printf "%s web1 sshd[5002]: Accepted password for dave from 192.0.2.13 port 50302 ssh2\n", stamp(s + 70)
            # a package with an account and a daemon of its own, audited
            printf "%s web1 groupadd[6000]: new group: name=nginx, GID=998\n", stamp(s + 100)
            printf "%s web1 useradd[6001]: new user: name=nginx, UID=998, GID=998, home=/var/lib/nginx, shell=/sbin/nologin, from=none\n", stamp(s + 100)
            print "type=ADD_GROUP msg=audit(1795435300.100:900): pid=6000 uid=0 auid=1000 ses=3 msg='op=add-group id=998 exe=\"/usr/sbin/groupadd\" hostname=web1 addr=? terminal=pts/0 res=success'"
            print "type=ADD_USER msg=audit(1795435300.200:901): pid=6001 uid=0 auid=1000 ses=3 msg='op=add-user id=998 exe=\"/usr/sbin/useradd\" hostname=web1 addr=? terminal=pts/0 res=success'"
            # a reboot
            print "type=DAEMON_END msg=audit(1795435400.100:902): op=terminate auid=0 uid=0 ses=4294967295 pid=1 subj=unconfined res=success"
            print "type=CONFIG_CHANGE msg=audit(1795435420.100:1): auid=4294967295 ses=4294967295 op=remove_rule key=(null) list=4 res=1"
            printf "%s web1 systemd[1]: Stopped auditd.service - Security Auditing Service.\n", stamp(s + 200)
            printf "%s web1 systemd[1]: Stopped firewalld.service - firewalld - dynamic firewall daemon.\n", stamp(s + 200)
            printf "%s web1 kernel: [3.1] blk_update_request: I/O error, dev fd0, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0\n", stamp(s + 220)
            split("br0 lo veth12ab docker0 bond0 virbr0", dev, " ")
            for (i = 1; i <= 6; i++) {
                printf "%s web1 kernel: [5.%d] device %s entered promiscuous mode\n", stamp(s + 225), i, dev[i]
                printf "type=ANOM_PROMISCUOUS msg=audit(1795435430.%d00:%d): dev=%s prom=256 old_prom=0 auid=4294967295 uid=0 gid=0 ses=4294967295\n", i, i + 1, dev[i]
            }
            # an administrator at work
            split("/usr/bin/cat&/etc/ssh/sshd_config /usr/sbin/service&rsyslog&restart /usr/bin/rm&/var/log/nginx/access.log.14.gz /usr/bin/systemctl&restart&auditd /usr/sbin/visudo&-c", cmd, " ")
            for (i = 1; i <= 5; i++) {
                c = cmd[i]
                gsub(/&/, " ", c)
                printf "%s web1 sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=%s\n", stamp(s + 300 + i), c
            }
            # a service that fails until its database is there
            for (i = 0; i < 3; i++) {
                printf "%s web1 systemd[1]: app.service: Main process exited, code=exited, status=1/FAILURE\n", stamp(s + 230 + i * 30)
                printf "%s web1 systemd[1]: app.service: Failed with result 'exit-code'.\n", stamp(s + 230 + i * 30)
                web(s + 231 + i, "198.51.100.46", "GET /app", 502)
            }
        }
        # a load balancer looks whether the port is open; hosts whose name is not kept
        if (s % 60 == 0) {
            printf "%s web1 sshd[7000]: Connection closed by 192.0.2.20 port %d [preauth]\n", stamp(s + 7), 20000 + s / 60
            printf "%s web1 sshd[7001]: Did not receive identification string from 192.0.2.20 port %d\n", stamp(s + 8), 20000 + s / 60
        }
        if (s % 3600 == 1800) {
            for (i = 0; i < 9; i++) printf "%s web1 sshd[7002]: reverse mapping checking getaddrinfo for pc.example.net [192.0.2.14] failed.\n", stamp(s + i)
        }
        web(s, "198.51.100." (s / 30 % 200 + 1), "GET " page[s / 30 % 12 + 1], 200)
        if (s % 600 == 0) web(s + 1, "198.51.100." (s / 600 % 200 + 1), "GET /favicon.ico", 404)
        if (s % 7200 == 0) web(s + 2, "198.51.100.7", "POST /api/v1/session", 401)
        if (s % 900 == 0) printf "%s web1 kernel: [%d.5] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=198.51.100.%d DST=192.0.2.1 LEN=40 TOS=0x00 PREC=0x00 TTL=244 ID=1 PROTO=TCP SPT=4022 DPT=23 WINDOW=1024\n", stamp(s), s, s / 900 % 200 + 1
    }
}
