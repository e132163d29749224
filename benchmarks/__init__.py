"""Speed of the toolkit against its peers, each pair measured in the same run. See README.md."""
