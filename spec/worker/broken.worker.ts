/** A thread entry that fails while it is being evaluated. */

throw new Error("this entry is broken");
