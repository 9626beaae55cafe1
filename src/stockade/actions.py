"""The vocabulary of what happens: every action that an event may name, in the class of behaviour it belongs to.

An action is ``noun.verb``. Whoever takes in the log of another system says its events in these words, so that one
search and one rule read all systems; what has no word here is ``unknown``, with the foreign event whole in its details.
The classes are those by which a responder reviews an account or an instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Behaviour(StrEnum):
    """A class of behaviour, as a responder reviews them one by one."""

    SIGN_IN = "sign-ins"
    TOKEN = "tokens"  # noqa: S105  a class of behaviour
    KEY = "SSH and GPG keys"
    FACTOR = "second factors"
    REPOSITORY = "repositories"
    CONFIGURATION = "group and project configuration"
    RUNNER = "runners"
    HOOK = "webhooks and Git hooks"
    APPLICATION = "OAuth applications"
    IDENTITY = "external identities and SAML"
    EMAIL = "e-mail addresses"
    VARIABLE = "CI/CD variables"
    PASSWORD = "passwords"  # noqa: S105  a class of behaviour
    ACCOUNT = "accounts and their rights"
    TRAFFIC = "requests and commands"
    GUARD = "the guard"
    HOST = "the machine"
    RESPONSE = "the response"
    LOG = "the logs themselves"


UNKNOWN: Final = "unknown"

VOCABULARY: Final[Mapping[Behaviour, Mapping[str, str]]] = {
    Behaviour.SIGN_IN: {
        "authentication.success": "somebody proved who they are",
        "authentication.failure": "somebody did not",
        "authentication.lock": "an account was locked after failures",
        "authentication.unlock": "a locked account was opened again",
        "authentication.impersonate": "somebody acts as somebody else",
        "authentication.unusual": "somebody proved who they are in a way worth a note, as from an address never seen",
        "session.create": "a session began",
        "session.end": "a session ended",
        "session.elevate": "a session gained an administrator's rights",
    },
    Behaviour.TOKEN: {
        "token.create": "a personal, project, group, deploy, trigger or job token was made",
        "token.rotate": "a token was replaced by another",
        "token.revoke": "a token was revoked",
        "token.restore": "a token that was revoked was put into force again",
        "token.use": "a token was used in a way worth a note, such as from an address never seen",
        "token.policy.change": "what tokens may do, or who may make them, was changed",
    },
    Behaviour.KEY: {
        "key.add": "an SSH, GPG or deploy key or a certificate was added",
        "key.remove": "an SSH, GPG or deploy key was removed",
        "key.restore": "a key that was removed was put into force again",
        "key.policy.change": "which keys are accepted was changed",
    },
    Behaviour.FACTOR: {
        "factor.add": "a second factor was enrolled",
        "factor.change": "a second factor was changed, recovery codes made anew",
        "factor.remove": "a second factor was removed or switched off",
        "factor.restore": "a second factor that was removed was put into force again",
        "factor.require": "an account must have a second factor from some time on, or need not any more",
        "factor.policy.change": "who must have a second factor was changed",
    },
    Behaviour.REPOSITORY: {
        "repository.read": "a repository was cloned, fetched or downloaded",
        "repository.write": "something was pushed",
        "repository.export": "a project was exported, with all that belongs to it",
        "artifact.read": "what a job has built was downloaded",
        "repository.delete": "contents were removed or rewritten",
        "branch.policy.change": "a branch's protection or the approval of merges was changed",
        "scan.policy.change": "what is scanned for secrets before it is taken in was changed",
        "scan.skip": "somebody pushed past the scan for secrets",
        "image.read": "a container image was pulled",
        "image.write": "a container image was pushed",
        "image.remove": "a container image was removed",
    },
    Behaviour.CONFIGURATION: {
        "project.create": "a project was made",
        "project.change": "a project's settings were changed",
        "project.delete": "a project was deleted, or marked for it",
        "project.visibility.change": "who may see a project was changed",
        "group.create": "a group was made",
        "group.change": "a group's settings were changed",
        "group.delete": "a group was deleted, or marked for it",
        "group.visibility.change": "who may see a group was changed",
        "setting.change": "a setting of the whole instance was changed",
        "configuration.read": "Stockade was started, under this configuration",
        "configuration.change": "Stockade's own configuration has changed",
        "configuration.refused": "a new configuration of Stockade was wrong",
        "job.policy.change": "what a job's token may reach was changed",
        "pipeline.run": "a pipeline or a job was run",
        "mirror.add": "a mirror of a repository was set up, which pulls or pushes by itself",
        "mirror.remove": "a mirror was removed",
        "mirror.restore": "a mirror that was removed was put into force again",
        "mirror.pause": "a mirror was stopped for a while",
        "mirror.resume": "a mirror goes on",
        "schedule.add": "a pipeline was scheduled, to be run again and again",
        "schedule.remove": "a schedule was removed",
        "schedule.restore": "a schedule that was removed was put into force again",
        "schedule.pause": "a schedule was stopped for a while",
        "schedule.resume": "a schedule goes on",
        "record.change": "an object was added, changed or deleted in an application's own administration",
    },
    Behaviour.RUNNER: {
        "runner.add": "a runner was registered",
        "runner.change": "a runner was changed, or given to another project",
        "runner.remove": "a runner was removed",
        "runner.restore": "a runner that was removed was put into force again",
        "runner.pause": "a runner was stopped for a while",
        "runner.resume": "a runner goes on",
        "runner.token.reset": "a runner's token was made anew",
        "runner.policy.change": "who may register runners was changed",
    },
    Behaviour.HOOK: {
        "webhook.add": "a webhook was added",
        "webhook.change": "a webhook was changed",
        "webhook.remove": "a webhook was removed",
        "webhook.restore": "a webhook that was removed was put into force again",
        "webhook.rotate": "a webhook's secret was replaced by another",
        "webhook.pause": "a webhook was stopped for a while",
        "webhook.resume": "a webhook goes on",
        "githook.change": "a Git hook on the server was added, changed or removed",
        "githook.remove": "a Git hook on the server was removed",
        "githook.restore": "a Git hook that was removed was put into force again",
        "githook.pause": "a Git hook was stopped for a while",
        "githook.resume": "a Git hook goes on",
        "githook.run": "a Git hook on the server was run at a push, or was not as it is not allowed",
    },
    Behaviour.APPLICATION: {
        "application.create": "an OAuth application was made",
        "application.change": "an OAuth application was changed",
        "application.remove": "an OAuth application was removed",
        "application.authorize": "somebody let an OAuth application act for them",
        "application.deny": "somebody did not, or took it back",
        "application.restore": "an OAuth application that was removed was put into force again",
        "application.rotate": "an OAuth application's secret was replaced by another",
        "grant.redeem": "an OAuth application got its first tokens for what somebody had let it do",
        "grant.refresh": "an OAuth application got other tokens for those it had",
        "grant.revoke": "what an OAuth application may do for somebody was ended",
        "grant.restore": "it was put into force again",
    },
    Behaviour.IDENTITY: {
        "identity.provider.change": "a SAML, LDAP or OAuth identity provider was added, changed or removed",
        "identity.link": "an external identity was linked to an account",
        "identity.unlink": "an external identity was unlinked from an account",
    },
    Behaviour.EMAIL: {
        "email.add": "an address was added to an account",
        "email.change": "an account's address was changed",
        "email.remove": "an address was removed from an account",
        "email.restore": "an address that was removed was put back",
        "email.confirm": "the owner of an address was asked to confirm it, or did",
    },
    Behaviour.VARIABLE: {
        "variable.create": "a CI/CD variable or secret was made",
        "variable.change": "a CI/CD variable or its protection was changed",
        "variable.remove": "a CI/CD variable was removed",
        "variable.rotate": "a CI/CD variable was given another value",
        "variable.restore": "a CI/CD variable that was removed was put into force again",
        "variable.read": "a CI/CD variable was looked at",
    },
    Behaviour.PASSWORD: {
        "password.change": "a password was changed",
        "password.reset.request": "somebody asked for a new password",
        "password.reset.cancel": "the code that opens the way to a new password was ended",
        "password.reset": "a password was put out of use: only a one-time link opens the account again",
    },
    Behaviour.ACCOUNT: {
        "user.create": "an account was made",
        "user.change": "an account was renamed or otherwise changed",
        "user.remove": "an account was removed",
        "user.block": "an account was blocked",
        "user.unblock": "an account was unblocked",
        "user.lock": "an account was refused everywhere for a while",
        "user.unlock": "it was let in again before its time",
        "user.depart": "the owner of an account left, or came back",
        "user.role.change": "an account gained or lost an administrator's or auditor's rights",
        "member.add": "somebody became a member of a project or group",
        "member.change": "a member's rights were changed",
        "member.remove": "somebody is no member any more",
        "directory.seed": "a made-up organisation was entered, for a trial",
    },
    Behaviour.TRAFFIC: {
        "http.request": "a request that a server has logged",
        "command.run": "a command was run with another's rights, as with sudo",
        "message": "a line that a program has logged, which says nothing more particular",
    },
    Behaviour.GUARD: {
        "guard.safelist": "a request passed because of a safelist",
        "guard.blocklist": "a request was refused because of a blocklist",
        "guard.throttle": "a request was refused because there were too many",
        "guard.track": "a request was counted",
        "guard.strike": "a failure was counted",
        "guard.ban": "a client was banned",
        "guard.banned": "a banned client was refused",
        "guard.unban": "a ban was lifted",
        "guard.ban.refused": "a ban of somebody who cannot be banned was refused",
        "guard.rule.failed": "a rule has failed",
        "guard.store.down": "the counters cannot be asked",
        "guard.store.up": "the counters answer again",
        "guard.proxy.undeclared": "a proxy in front is not declared",
        "guard.proxy.rewritten": "a server in front has rewritten the client's address",
    },
    Behaviour.HOST: {
        "host.triage": "a machine was looked at for traces of an intruder",
        "host.baseline": "a picture of a machine that is known to be good was taken",
        "host.diff": "a machine was compared with its picture",
        "evidence.collect": "evidence was taken from a machine, to where it cannot be changed",
        "evidence.verify": "evidence was checked against its sealed manifest",
        "network.restrict": "what a machine can reach, and who can reach it, was restricted",
        "network.isolate": "a machine was cut off from all but its operator and the sinks of its log",
        "network.confirm": "a restriction was confirmed by somebody who can still reach the machine",
        "network.lift": "a restriction was lifted, or lapsed unconfirmed",
        "traffic.review": "records of network traffic were reviewed",
        "secret.scan": "files, variables or a history were scanned for secrets",
        "secret.found": "a secret was found where it can be read; its value is nowhere in the log",
        "secret.rotated": "a secret that was found before is no longer the same, or gone",
        "update.plan": "what is out of date on a machine was listed, with the releases that mend it",
        "update.remind": "a release mends something for which this machine has no update yet",
        "rebuild.plan": "a backup from before the intruder was chosen, and what came after it was listed",
        "rebuild.done": "a line of a rebuild's checklist was done, says a person",
    },
    Behaviour.RESPONSE: {
        "incident.open": "an incident was opened, by a finding or a person",
        "incident.note": "somebody wrote down what is known of an incident, or not known",
        "incident.assign": "somebody is on an incident now, or no longer",
        "incident.decide": "something was decided in an incident",
        "incident.close": "an incident was closed",
        "plan.create": "a plan was drawn; it changes nothing",
        "plan.step": "steps of a plan, exactly as they are approved",
        "plan.approve": "somebody approved a plan's steps of one tactic",
        "plan.refuse": "a plan was not run, as the world has changed since it was drawn",
        "plan.expire": "a plan was not run, as its time was up",
        "evidence.seal": "the log's signed head and an account's holdings were put down before anything was touched",
        "watch.begin": "what an account and its strange addresses do is watched from now on",
        "step.start": "steps of a plan are about to be taken, or undone",
        "step.finish": "steps of a plan were taken",
        "step.fail": "steps of a plan were refused",
        "step.wait": "steps of a plan wait for a system that is down",
        "step.undo": "steps of a plan were undone",
        "step.verify": "the effects of steps were looked up or tried afresh",
        "gate.waive": "a box of the gate was waived, with a reason",
        "gate.override": "somebody answers for letting an account in again past the gate",
        "gate.open": "an account was let in again after a response",
        "drill.begin": "a compromise was planted in a copy, for people to find",
        "drill.score": "a drill was scored",
        "rotation.done": "a secret that was within reach was replaced or ended, says a person",
        "rotation.waive": "a secret that was within reach stays as it is, for a reason",
        "rotation.reopen": "a line of a rotation list is open again",
    },
    Behaviour.LOG: {
        "log.opened": "the audit log was opened",
        "log.closed": "the audit log was closed",
        "log.heartbeat": "nothing happened, and the log was there to say so",
        "log.gap": "events or entries are missing",
        "log.repaired": "something that did not belong there was put aside",
        "log.clock": "the clock was set back",
        "log.key.rotated": "the log is signed with new keys",
        "log.sink.down": "a sink of the audit log refuses it, hangs, or is not there",
        "log.sink.behind": "a sink has not got what was recorded minutes ago",
        "log.sink.up": "a sink takes the log again, and is not far behind",
        "log.read": "somebody read the audit log",
        "person.erase": "what the audit log holds about a person was made unreadable",
        "log.reporter.lost": "a process that reports here has ended without a word; what it still held is not known",
        "stream.change": "where another system sends its audit events was changed",
        "intake.gap": "the place where another system's log was being read is gone; lines of it may be missing",
        "finding.create": "something worth acting on was noticed",
        UNKNOWN: "an event for which there is no word; its details hold it whole",
    },
}
"""What each action means, class by class."""

BEHAVIOUR_OF: Final[Mapping[str, Behaviour]] = {
    action: behaviour for behaviour, actions in VOCABULARY.items() for action in actions
}
