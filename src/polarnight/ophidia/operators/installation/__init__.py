"""Operators about the installation: its commands, their manual, the machine behind them."""
