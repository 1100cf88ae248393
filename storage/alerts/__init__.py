"""Rules over what arrives: evaluated after each publish, by what is new and what lies in their windows; `config` runs it and sends."""
