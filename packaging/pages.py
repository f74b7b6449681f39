#!/usr/bin/env python3
"""The manual page and the shell completions, made from what the program says about itself.

    packaging/pages.py PROGRAM            writes packaging/pages/{phasegrid.1,phasegrid.bash,_phasegrid}
    packaging/pages.py PROGRAM --check    exits with 1, naming them, if they are not what PROGRAM says today

They are kept in the repository so that installing needs no Python; a test runs --check.
"""
import pathlib
import re
import subprocess
import sys

PAGES = pathlib.Path(__file__).parent / "pages"
NAME = "phasegrid"


def ask(program, *verb):
    return subprocess.run([program, *verb, "--help"], capture_output=True, text=True, check=True).stdout.rstrip().split("\n")


def entries(lines):
    """[(left column, description)]: a description begins in column 30, or on the next line where the left is too long."""
    found = []
    for line, after in zip(lines, [*lines[1:], ""]):
        if re.match(r"  \S", line):
            alone = after.startswith(" " * 30) and "  " not in line.strip()
            found.append([line.strip(), ""] if alone else [line[:30].strip(), line[30:].strip()])
        elif line.strip() and found:
            found[-1][1] = f"{found[-1][1]} {line.strip()}".strip()
    return [tuple(pair) for pair in found]


class Help:
    """One page of --help: what it is about, positionals, options, verbs, what stands at the end."""

    def __init__(self, lines):
        usage = next(i for i, line in enumerate(lines) if line.startswith("Usage:"))
        self.about = " ".join(lines[:usage])
        self.usage = lines[usage].removeprefix("Usage: ")
        sections, name = {}, "footer"
        after_blank = False
        for line in lines[usage + 1:]:
            if after_blank and not line.startswith(" ") and line:
                name = line.rstrip(":") if line.endswith(":") and line.count(" ") == 0 else "footer"
                if name != "footer":
                    sections[name] = []
                    after_blank = False
                    continue
            sections.setdefault(name, []).append(line)
            after_blank = not line or (after_blank and name == "footer")
        self.positionals = entries(sections.get("Positionals", []))
        self.options = [Option(left, text) for left, text in entries(sections.get("Options", []))]
        self.verbs = entries(sections.get("Subcommands", []))
        self.footer = [line for line in sections.get("footer", []) if line]


class Option:
    def __init__(self, left, text):
        names, _, rest = left.partition(" ")
        self.names = names.split(",")
        self.takes_value = bool(rest)
        self.required = "REQUIRED" in rest
        choices = re.search(r"\{([^}]*)\}", rest)
        self.choices = choices.group(1).split(",") if choices else []
        default = re.search(r"=([^=\s]+)(?: REQUIRED)?$", rest)
        self.default = default.group(1) if default else ""
        self.bounds = "".join(re.findall(r" in \[(.*?)\]", rest))
        self.many = "..." in rest
        self.text = text


# ---- manual page

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def manual_option(option):
    value = "" if not option.takes_value else " \\fI" + (roff("|".join(option.choices)) or "value") + "\\fR" + (" ..." if option.many else "")
    remarks = [f"required" if option.required else "", option.bounds, f"default: {option.default}" if option.default else ""]
    remarks = "; ".join(filter(None, remarks))
    return f".TP\n\\fB{roff(', '.join(option.names))}\\fR{value}\n{roff(option.text)}" + (f" ({roff(remarks)})" if remarks else "") + "\n"


def manual(top, verbs):
    page = f'.\\" Made by packaging/pages.py from --help.\n.TH PHASEGRID 1\n.SH NAME\n{NAME} \\- maps phase transitions of sequence models\n'
    page += f".SH SYNOPSIS\n.B {NAME}\n\\fIverb\\fR [\\fIoptions\\fR]\n.SH DESCRIPTION\n{roff(top.about)}\n"
    page += "".join(map(manual_option, top.options))
    page += ".SH VERBS\n"
    for name, verb in verbs.items():
        page += f".SS {NAME} {name} {roff(verb.usage.partition('[OPTIONS] ')[2])}\n{roff(verb.about)}.\n"
        for left, text in verb.positionals:
            page += f".TP\n\\fI{roff(left.split()[0])}\\fR\n{roff(text)}\n"
        page += "".join(manual_option(option) for option in verb.options if "--help" not in option.names)
        if verb.footer:
            page += ".PP\n.nf\n" + "\n".join(map(roff, verb.footer)) + "\n.fi\n"
    page += ".SH EXIT STATUS\n"
    for code, meaning in re.findall(r"(\d+) ([^;]+)", " ".join(top.footer).removeprefix("Exit codes: ")):
        page += f".TP\n.B {code}\n{roff(meaning.strip())}\n"
    page += f".SH SEE ALSO\nThe pages beside README.md in the documentation folder: sweeps, tasks, results, cluster.\n"
    return page


# ---- completions

def bash(top, verbs):
    lines = [f"# bash completion of {NAME}. Made by packaging/pages.py from --help.", f"_{NAME}() {{",
             '  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} options=""',
             "  COMPREPLY=()",
             "  if [ $COMP_CWORD -eq 1 ]; then",
             f'    COMPREPLY=($(compgen -W "{" ".join([*verbs, *names(top)])}" -- "$word"))',
             "    return", "  fi", '  case "$verb $before" in']
    for name, verb in verbs.items():
        for option in verb.options:
            if option.choices:
                pattern = " | ".join(f'"{name} {one}"' for one in option.names)
                lines.append(f'    {pattern}) COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$word")); return ;;')
    lines += ["  esac", "  case $verb in"]
    lines += [f'    {name}) options="{" ".join(names(verb))}" ;;' for name, verb in verbs.items()]
    lines += ["  esac", '  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$word")); else COMPREPLY=($(compgen -f -- "$word")); fi',
              "}", f"complete -o filenames -F _{NAME} {NAME}"]
    return "\n".join(lines) + "\n"


def names(page):
    return [name for option in page.options for name in option.names]


def zsh_text(text):
    for char in "\\[]:'":
        text = text.replace(char, {"'": "'\\''"}.get(char, "\\" + char))
    return text


def zsh_option(option):
    value = "" if not option.takes_value else f":value:({' '.join(option.choices)})" if option.choices else ":value:_files"
    short = option.text.partition(". ")[0].partition(" [")[0]
    return [f"'{'*' if option.many else ''}{name}[{zsh_text(short)}]{value}'" for name in option.names]


def zsh(top, verbs):
    lines = [f"#compdef {NAME}", "# zsh completion. Made by packaging/pages.py from --help.", "", f"_{NAME}() {{", "  local -a verbs=("]
    lines += [f"    '{name}:{zsh_text(verb.about)}'" for name, verb in verbs.items()]
    lines += ["  )", "  if (( CURRENT == 2 )); then", "    _describe verb verbs", "    return", "  fi", "  local verb=$words[2]", "  shift words", "  (( CURRENT-- ))",
              "  case $verb in"]
    for name, verb in verbs.items():
        arguments = [text for option in verb.options for text in zsh_option(option)] + ["'*:file:_files'"]
        lines += [f"    {name})", "      _arguments \\", *(f"        {text} \\" for text in arguments[:-1]), f"        {arguments[-1]}", "      ;;"]
    lines += ["  esac", "}", "", f'_{NAME} "$@"']
    return "\n".join(lines) + "\n"


def pages(program):
    top = Help(ask(program))
    verbs = {name: Help(ask(program, name)) for name, _ in top.verbs}
    return {f"{NAME}.1": manual(top, verbs), f"{NAME}.bash": bash(top, verbs), f"_{NAME}": zsh(top, verbs)}


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--check"]):
        sys.exit(__doc__)
    made = pages(sys.argv[1])
    if sys.argv[2:]:
        stale = [name for name, text in made.items() if not (PAGES / name).exists() or (PAGES / name).read_text() != text]
        sys.exit(f"not what --help says: {', '.join(stale)}; run packaging/pages.py {sys.argv[1]}" if stale else 0)
    PAGES.mkdir(exist_ok=True)
    for name, text in made.items():
        (PAGES / name).write_text(text)


if __name__ == "__main__":
    main()
