"""Words and phrases by which customers of a service say how they feel, in English and in Persian.

Kept by how much they say, from -3 (furious) to 3 (delighted); 0 is for phrases that only look like a feeling. Separated
by commas. `word~` stands for the forms of a regular English verb, `word+` for a Persian word with the endings that
make it "it is", "a", "I am" and "they are". Colloquial Persian stands beside the written one: messages are both.
"""

from __future__ import annotations

from typing import Final

ENGLISH: Final[dict[float, str]] = {
    3: """excellent, amazing, amazed, fantastic, awesome, outstanding, perfect, perfectly,
    brilliant, superb, wonderful, exceptional, flawless, incredible, phenomenal, delighted, thrilled, love~,
    loving it, best service, best ever, the best, highly recommend, ecstatic, blown away, beyond expectations,
    exceeded my expectations, life saver, lifesaver, five stars, 5 stars, top notch, first class, made my day,
    cant thank you enough, thank you so much, thanks a million, over the moon, could not be happier,
    couldnt be happier, nothing but praise""",
    2: """good, great, happy, happier, glad, pleased, satisfied, satisfying, nice, nicely,
    lovely, helpful, friendly, polite, courteous, professional, reliable, smooth, smoothly, seamless, easy,
    easily, efficient, impressed, impressive, enjoy~, appreciate~, grateful, thankful, recommend~, beautiful,
    comfortable, delicious, fair, generous, patient, knowledgeable, attentive, trustworthy, valuable,
    worth it, works great, works well, working well, works perfectly, works now, working now, fixed now,
    sorted now, resolved quickly, solved quickly, problem solved, issue resolved, went well, well done,
    well made, good job, great job, keep it up, keep up the good work, on time, ahead of time, i like,
    really like, we like, like it a lot, much better, better than expected, big thanks, many thanks,
    thanks again, no complaints, nothing to complain about, without a hitch, hassle free, no hassle, cool,
    yay, bravo, kudos, superior, congratulations, looking forward, so far so good, good value, saved me""",
    1: """thanks, thank you, thx, cheers, better, fine, okay now, fast, quick, quickly,
    prompt, promptly, clear, clean, calm, safe, welcome, improve~, improvement, kind, fresh, cheap,
    affordable, useful, interesting, interested, fun, no problem, no problems, no issue, no issues,
    no worries, all good, all set, fair enough, mersi, merci, mamnoon, mamnun, khoob, khub, khube, khoobe,
    aliye, razi""",
    0: """no thanks, no thank you, best regards, kind regards, best wishes, all the best,
    best before, good morning, good afternoon, good evening, good day, kind of, what kind, which kind,
    any kind, quick question, thanks in advance, thank you in advance, fair trade, a good time to,
    good to know, better to, fine print, safe mode, problem solving, error message, error code,
    complaint number, complaint form, late fee, return policy, returns policy, cancellation policy,
    broken down by, hard drive, hard disk, bad request, best price, best time, easy pay, cool down,
    lost property, sick leave""",
    -1: """wait~, late, slow, slower, slowly, unfortunately, expensive, pricey, unclear,
    confuse~, confusing, doubt~, unsure, worried, worry~, concern~, complicated, difficult, hard to, issue,
    issues, problem, problems, trouble, error, errors, return~, refund, cancel, cancelled, canceled, delay,
    missing, small issue, dirty, still no, still not, not yet, how long, how much longer, when will you,
    again and again, again, twice already, third time, moshkel, kharab, gheymat""",
    -2: """bad, badly, worse, poor, poorly, disappoint~, disappointment, unhappy, dissatisfied,
    unsatisfied, annoy~, frustrated, frustrating, frustration, upset, upsetting, angry, complain~, complaint,
    complaints, broken, broke, breaks, faulty, defective, damage~, wrong, wrongly, incorrect, delayed, delays,
    delaying, fail~, failure, failures, useless, unhelpful, rude, impolite, unprofessional, unreliable,
    unacceptable, unfair, ignored, ignoring, ignores, neglected, misled, misleading, mislead, overcharged,
    double charged, charged twice, charged me twice, hidden fees, hidden cost, lost, stolen, torn, leaking,
    cracked, crash~, freezes, glitch, glitchy, bug, buggy, laggy, unusable, inconvenient, inconvenience,
    hassle, mess, messed up, screwed up, nonsense, waste~, wasted, regret~, sad, sadly, tired of, no reply,
    no response, no answer, no one answers, nobody answers, no one replies, nobody replied, no help,
    not working, doesnt work, does not work, didnt work, did not work, dont work, wont work, will not work,
    isnt working, stopped working, cant log in, cannot log in, cant login, cannot login, cant pay, cannot pay,
    cant access, cannot access, unable to, doesnt open, wont open, wont load, doesnt load, never arrived,
    never came, never received, never got, never replied, never answered, hasnt arrived, has not arrived,
    havent received, have not received, didnt arrive, did not arrive, not received, not arrived,
    not delivered, wasnt delivered, still waiting, been waiting, waiting for weeks, waiting for days,
    kept waiting, on hold for, no refund, refuse~ to, wrong item, wrong size, wrong address, poor quality,
    low quality, bad quality, too late, too slow, too expensive, let down, letting me down, hung up, give up,
    gave up, fix this, sort this out, cancel my account, cancel my subscription, close my account,
    want my money back, money back, leaving you, switching to, eftezah, narazi""",
    -3: """terrible, horrible, awful, worst, disgusting, disgusted, disgraceful, disgrace,
    appalling, atrocious, dreadful, pathetic, outrageous, furious, hate~, scam, scammed, scammers, scammer,
    fraud, fraudulent, rip off, ripoff, ripped off, thief, thieves, liar, liars, lying, lied, cheat~, stole,
    joke of a, a joke, ridiculous, shameful, shame on you, ashamed, incompetent, garbage, rubbish, trash,
    crap, crappy, sucks, shit, shitty, bullshit, wtf, never again, fed up, sick of, sick and tired, nightmare,
    disaster, catastrophe, abysmal, horrendous, insulting, insulted, sue you, my lawyer, legal action,
    small claims, report you, waste of time, waste of money, waste of my time, last straw, enough is enough,
    last time i buy, last time i order, zero stars, one star, 1 star, thanks for nothing, avoid at all costs,
    stay away""",
}

PERSIAN: Final[dict[float, str]] = {
    3: """عالی+, فوق‌العاده+, بی‌نظیر+, بینظیر+, معرکه, معرکه‌ست, محشر+, شاهکار+, بهترین,
    بهترینه, بهترینید, حرف نداره, حرف نداشت, حرف ندارد, حرف نداری, حرف ندارید, دمتون گرم, دمت گرم, دم شما گرم,
    عاشقتونم, عاشقشم, عاشق این, عاشق شدم, ایول, ایولا, درجه یک, کارتون درسته, گل کاشتید, گل کاشتین,
    فراتر از انتظار, بهتر از این نمی‌شه, بهتر از این نمی‌شود, یک دنیا ممنون, یه دنیا ممنون, از ته دل ممنون,
    خدا خیرتون بده, خدا خیرتان بدهد, دست مریزاد, احسنت, آفرین, حرف ندارن""",
    2: """خوب+, خوبی بود, خوبند, خوبن, خوش, راضی+, راضیم, راضی‌ام, رضایت دارم, رضایت داشتم,
    رضایت‌بخش, خوشحال+, خوشحالم, لذت, لذت بردم, مفید+, زیبا, زیباست, قشنگ+, شیک+, باکیفیت+, با کیفیت, مودب+,
    محترم+, محترمانه, حرفه‌ای, حرفه‌ایه, دلسوز+, مهربان, مهربون+, خوش‌برخورد, خوش‌اخوش‌قول, خوش قول,
    پیگیر بودند, پیگیری خوب, دقیق+, منظم, به‌موقع, سر وقت, سروقت, راحت+, آسان, آسون+, خوشمزه+, دوست دارم,
    دوست داشتم, دوسش دارم, دوستش دارم, دوست داشتنی, پسندیدم, پسندیده, مناسب+, بهتر شد, حل شد, حل شده, درست شد,
    درست شده, رفع شد, برطرف شد, ارزشش را داشت, ارزششو داشت, ارزش خرید, می‌ارزه, می‌ارزد, پیشنهاد می‌کنم,
    توصیه می‌کنم, معرفی می‌کنم, دستتون درد نکنه, دستت درد نکنه, دست شما درد نکند, دستتان درد نکند, لطف کردید,
    لطف کردین, لطف دارید, قدردان, قدردانم, سپاسگزار, سپاسگزارم, سپاس فراوان, بسیار سپاس, ممنونتم, ممنونتونم,
    خیلی ممنون, خیلی ممنونم, سریع بود, سریع رسید, زود رسید, سالم رسید, پر برکت, موفق باشید, مطمئن,
    قابل اعتماد, معتبر, منصف, منصفانه, امیدوارم کردید, کمکم کرد, کمکم کردید, کمک کردند, بی‌دردسر, بدون دردسر,
    جذاب+, دلنشین, تمیز+, نرم و راحت, خفن+, باحال+""",
    1: """ممنون, ممنونم, ممنونیم, متشکر, متشکرم, متشکریم, تشکر, مرسی, سپاس, سریع, سریعتر شد,
    ارزان, ارزون+, خسته نباشید, بد نیست, بد نبود, مشکلی نیست, مشکلی نبود, مشکلی ندارم, مشکلی نداشت,
    مشکلی نداره, مشکلی ندارد, مشکلی پیش نیومد, ایرادی نداره, ایرادی ندارد, ایرادی نداشت, اشکالی نداره,
    اشکالی ندارد, عیبی نداره, عیبی ندارد, قبول دارم, بهتر, بهتره, بهتر است, جالب+, روشن شد, متوجه شدم,
    باشه حتما, اوکی شد, اوکی شده, امیدوارم""",
    0: """خوب هستید, خوب هستین, خوبید, خوبین, حالتون خوبه, حالت خوبه, حال شما خوبه, روز خوب,
    روز خوبی, روزتون خوش, شب خوش, شب خوبی, وقت خوش, وقتتون خوش, عصر خوش, روز خوش, حال شما, با تشکر, با سپاس,
    پیشاپیش ممنون, پیشاپیش متشکرم, خیلی خوب پس, خوب پس, دیر یا زود, زود باش, زودتر, راحتی, رد شدن از, گیربکس,
    پیام خطا, کد خطا, شماره شکایت, بهترین قیمت, بهترین زمان, خوب شد که""",
    -1: """دیر, دیرتر, کند+, گران, گرون+, گرونه, هنوز, هنوزم, نگران+, نگرانم, نگرانی, مشکل+,
    مشکلات, مشکلم, ایراد+, ایرادات, اشکال+, خطا, ارور, گیر کرده, سخت+, پیچیده+, مرجوع, مرجوعی, لغو, کنسل,
    انصراف, شک دارم, مطمئن نیستم, مبهم, گنگ, چند بار, چندبار, چندمین بار, پس کی, تا کی, کی می‌رسه, چقدر طول,
    چقدر باید, منتظر+, منتظرم, منتظریم, متاسفانه, حیف, کم‌کیفیت, تکراری+, قدیمی+, کثیف+, دردسر+""",
    -2: """بد, بدی بود, بدیه, بدتر, ناراضی+, ناراضیم, ناراضی‌ام, نارضایتی, ناراحت+, ناراحتم,
    ناراحت کننده, دلخور+, دلخورم, خراب+, خرابی, معیوب+, شکسته+, شکست, پاره, پاره شده, نشتی, تاخیر+, دیرکرد,
    معطل+, معطلم, معطلی, علاف, علافم, بی‌کیفیت+, بیکیفیت, ضعیف+, ناقص+, اشتباه+, اشتباهی, غلط, کلافه+,
    کلافه‌ام, خسته شدم, خسته شدیم, خسته‌کننده, خستم کردید, بلاتکلیف+, بلاتکلیفم, بی‌ادب+, بی‌ادبانه, بی‌پاسخ,
    بی‌توجه+, بی‌توجهی, بی‌مسئولیت+, بی‌نظم+, بی‌نظمی, بدقول+, بدقولی, بد قولی, بداخلاق+, بدبرخورد, بد برخورد,
    بدرفتاری, برخورد بد, شکایت, شکایت دارم, گله, گله دارم, اعتراض, معترضم, قطع, قطعی, هنگ, هنگ کرده, کرش,
    نرسید, نرسیده, نرسیده است, نیومد, نیومده, نیامد, نیامده, ارسال نشد, ارسال نشده, تحویل ندادید, تحویل نشد,
    تحویل نشده, واریز نشد, واریز نشده, انجام نشد, انجام نشده, پاسخگو نیست, پاسخگو نیستید, پاسخگو نیستند,
    پاسخگو نیستین, پاسخ نمی‌دهید, پاسخ نمی‌دهند, پاسخ نمی‌دن, پاسخ ندادید, جواب نمی‌دید, جواب نمی‌دین,
    جواب نمی‌ده, جواب نمی‌دهید, جواب نمی‌دهند, جواب نمی‌دن, جواب ندادید, جواب ندادین, جواب نداد, جوابی نگرفتم,
    جوابم را ندادید, کسی جواب, کار نمی‌کند, کار نمی‌کنه, کار نمی‌کنن, کار نکرد, کار نمیکرد, خوب کار نمی‌کند,
    خوب کار نمی‌کنه, درست کار نمی‌کند, درست کار نمی‌کنه, باز نمی‌شه, باز نمی‌شود, وصل نمی‌شه, وصل نمی‌شود,
    وارد نمی‌شه, وارد نمی‌شود, نمی‌تونم وارد, نمی‌توانم وارد, حل نشد, حل نشده, درست نشد, درست نشده,
    پیگیری نمی‌کنید, پیگیری نکردید, اهمیت نمی‌دید, اهمیت نمی‌دهید, به درد نمی‌خوره, به درد نمی‌خورد,
    به درد نخور, بدرد نخور, پشیمان, پشیمون, پشیمونم, پشیمانم, ناامید+, ناامیدکننده, ناامیدم کردید, مایوس,
    پولم را پس, پولمو پس, پول من را پس, پولم کو, گم شد, گم شده, گمراه‌کننده, گران‌فروشی, گرونفروشی, ناعادلانه,
    غیرقابل قبول, غیر قابل قبول, خوب نیست, خوب نبود, راضی نیستم, راضی نبودم, راضی نیستیم, نامناسب, نامناسبه,
    توجه نمی‌کنید, اذیت شدم, اذیت کردید, اذیتم کردید, اعصابم خورد, اعصابم خرد, حوصله‌ام سر""",
    -3: """افتضاح+, فوق‌العاده بد, فوق‌العاده ضعیف, فوق‌العاده کند, بی‌نهایت بد, مزخرف+,
    فاجعه+, کلاهبردار+, کلاهبرداری, کلاه‌برداری, کلاه‌بردار, کلاه سرم, کلاه گذاشتید, دزد+, دزدی, دزدید, دروغ+,
    دروغگو+, دروغ می‌گید, دروغ گفتید, فریب, فریبکار, خجالت بکشید, خجالت‌آور, شرم‌آور, شرم بر شما, شرم کنید,
    متنفر+, متنفرم, نفرت, وحشتناک+, بدترین, بدترینه, آشغال+, تقلبی+, زباله, توهین, توهین‌آمیز, بی‌احترامی,
    بی‌شرف, بی‌شعور+, بی‌وجدان+, بی‌انصاف+, عصبانی+, عصبانیم, عصبانی‌ام, خشمگین+, پولمو خوردید,
    پولم را خوردید, پول مردم, حیف پول, پول دور ریختن, سرکارم گذاشتید, سرکار گذاشتید, سر کار گذاشتید, سرکاریم,
    مسخره کردید, مسخره‌است, مسخره‌ست, مسخره+, مسخره‌بازی, دیگه خرید نمی‌کنم, دیگر خرید نمی‌کنم, هیچ‌وقت دیگه,
    هیچ وقت دیگر, دیگه هرگز, به هیچ وجه راضی, اصلا راضی نیستم, اصلا راضی نبودم, اصلا خوب نبود, اصلا خوب نیست,
    شکایت می‌کنم, تعزیرات, دادگاه, وکیلم, پلیس فتا, سازمان حمایت, پیگیری قانونی, پیگیری قضایی, گند, گند زدید,
    حال بهم زن, حالم به هم, غیرقابل تحمل, غیر قابل تحمل, کثافت, نابود, داغونه""",
}

EMOJI: Final[dict[float, str]] = {
    3: "😍🥰🤩💯🎉❤😻",
    2: "😀😃😄😁😊😎☺🥳👏💖💚💙💜🧡💛♥🌹🌷🌸👌😘🤗✨",
    1: "🙂😉👍🙏💐⭐😇😅",
    -1: "😕😐😑🙄😒😬🤔😔😟🥲",
    -2: "😞😢😭😣😖😫😩👎💔🙁☹😤😠😥😓🤦🤕",
    -3: "😡🤬🤮🖕😾💩",
}

EMOTICONS: Final = {
    ":)": "🙂",
    ":-)": "🙂",
    ":D": "😄",
    ";)": "😉",
    "<3": "❤",
    ":(": "🙁",
    ":-(": "🙁",
    ":'(": "😢",
    ":/ ": "😕 ",
}

BEFORE: Final = """not, no, never, neither, nor, without, hardly, barely, cannot, cant, dont, doesnt,
    didnt, isnt, wasnt, arent, werent, wont, wouldnt, shouldnt, couldnt, hasnt, havent, hadnt, aint, nothing,
    nobody, none, nowhere, بدون, نه, هیچ"""
"""What denies the words after it."""

AFTER: Final = """نیست, نیستم, نیستیم, نیستید, نیستن, نیستند, نبود, نبودم, نبودید, نبودند, نبودن,
    نبودیم, نشد, نشدم, نشده, ندارد, نداره, ندارم, نداریم, ندارید, ندارن, ندارند, نداشت, نداشتم, نداشتن,
    نداشتند, نکرد, نکردم, نکردید, نکردند, نکردن, نکرده, نمی, نخواهم, نباشد, نباشه, نداد, ندادید, نیومد, نیامد,
    ندیدم, نگرفتم"""
"""What denies the words before it: in Persian the verb, at the end."""

MORE: Final = """very, really, so, extremely, absolutely, totally, completely, truly, incredibly,
    highly, super, too, utterly, deeply, such, most, always, خیلی, بسیار, واقعا, کاملا, شدیدا, حسابی, اصلا,
    انقدر, اینقدر, بسی, همیشه, کلی, kheili"""
LESS: Final = """slightly, somewhat, bit, little, fairly, quite, kinda, sort, partly, mostly, almost,
    rather, maybe, کمی, یکم, کم, نسبتا, تقریبا, شاید, یخورده"""

TURNS: Final = "but, however, yet, ولی, اما, لیکن, منتها, منتهی"
"""After them comes what is meant."""
BREAKS: Final = "and, because, although, though, while, و, چون, که, البته, هرچند, اگرچه, پس"
ASKS: Final = "why, when, how, چرا, کی, چقدر, آخه"
"""With one of them, a question states what it asks about."""

FUNCTION: Final = """the, and, you, your, my, i, it, this, that, for, with, have, has, are, were, not,
    what, when, where, how, please, can, could, would, of, to, from, been, they, their, there, will, do, did,
    does, dont, im, its, ive, is, was, be, at, on, we, our, us, or, if, but, am, just, about, از, به, که, این,
    را, رو, با, است, شما, برای, می, نمی, هست, شد, کنم, کنید, بود, ولی, چرا, لطفا, ام, های, ها, در, یک, یه,
    دارم, هنوز, باید, اگر, اگه, کرد, چی, توی, خیلی, شده, کردم, بودم, هستم, ممنون, نیست, داره, دارد, همه, هیچ,
    الان, امروز, دیروز, سفارش, دیگه, چه, کجاست"""
"""Words that tell that a text is in a language known here."""
