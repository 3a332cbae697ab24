"""The demo: two businesses to look at, with past conversations that the bot really answered."""
